//! rebuffer-demo
