//! rebuffer-tables
