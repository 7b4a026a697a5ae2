//! Prints the schema; `make gen` keeps it in `schema.sql`.
#![expect(clippy::print_stdout, reason = "printing is all it does")]

fn main() {
    print!("{}", rebuffer_tables::schema_sql());
}
