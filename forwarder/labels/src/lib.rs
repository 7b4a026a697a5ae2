//! rebuffer-labels
