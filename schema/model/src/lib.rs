//! rebuffer-model
