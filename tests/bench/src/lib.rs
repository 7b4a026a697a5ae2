//! rebuffer-bench
