//! rebuffer-media
