//! rebuffer-forwarder
