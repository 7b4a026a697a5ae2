//! rebuffer-e2e
