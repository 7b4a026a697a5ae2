//! rebuffer-api
