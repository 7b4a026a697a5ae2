//! rebuffer-engine
