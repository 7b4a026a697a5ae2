//! rebuffer-embedded
