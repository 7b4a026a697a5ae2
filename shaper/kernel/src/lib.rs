//! rebuffer-shaper
