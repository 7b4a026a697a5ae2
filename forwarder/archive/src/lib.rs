//! rebuffer-archive
