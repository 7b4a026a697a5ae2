//! rebuffer-tidy
