//! The vocabulary and the memory it reads, told as stories of records.

mod laws;
mod memory;
mod story;
