//! rebuffer-shape
