//! rebuffer-proxy
