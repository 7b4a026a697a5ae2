//! rebuffer-kit
