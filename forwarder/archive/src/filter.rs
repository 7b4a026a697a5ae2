//! What a caller wants to see, as conditions on columns of the catalogue with bound values.
//!
//! Invariant: the SQL holds names from the catalogue, fixed operators and parameter names; never a value.

use clickhouse::query::Query;
use rebuffer_model::Timestamp;
use rebuffer_tables::{Column, Table};

/// The label `name` of every player that ever had labels, as it was edited last; empty where it was taken away.
pub(crate) const LABELLED: &str = "SELECT player_id, argMax(JSONExtractString(info, 'labels', 'name'), (ts, id)) AS label_name \
     FROM control_events WHERE event = 'label_changed' GROUP BY player_id";

/// Conditions that must all hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    conditions: Vec<Condition>,
}

/// A condition on one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    column: &'static Column,
    test: Test,
    value: Bound,
}

/// How a column is compared with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// Equal.
    Is,
    /// Equal or greater.
    AtLeast,
    /// Less.
    Below,
    /// The column is a list that has the value.
    Has,
    /// The column is a list that does not have the value.
    Lacks,
    /// The column is what a player calls itself, and either it or the label `name` that the player had last is equal.
    Calls,
}

/// A value that is sent beside the SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
    /// An instant.
    Instant(Timestamp),
    /// Yes or no.
    Flag(bool),
}

impl Filter {
    /// Adds a condition; a column the table does not have is refused by name.
    ///
    /// # Errors
    /// The name of the column.
    pub fn and(&mut self, table: &Table, column: &str, test: Test, value: Bound) -> Result<(), String> {
        let (_, column) = table.column(column).ok_or_else(|| column.to_owned())?;
        self.conditions.push(Condition { column, test, value });
        Ok(())
    }

    /// The conditions as SQL after WHERE.
    pub(crate) fn sql(&self) -> String {
        let mut sql = String::from("1");
        for (index, Condition { column, test, value }) in self.conditions.iter().enumerate() {
            let value = match value {
                Bound::Text(_) => format!("{{f{index}:String}}"),
                Bound::Number(_) => format!("{{f{index}:UInt64}}"),
                Bound::Flag(_) => format!("{{f{index}:Bool}}"),
                Bound::Instant(_) => format!("fromUnixTimestamp64Milli({{f{index}:Int64}}, 'UTC')"),
            };
            let name = column.name;
            sql += &match test {
                Test::Is => format!(" AND `{name}` = {value}"),
                Test::AtLeast => format!(" AND `{name}` >= {value}"),
                Test::Below => format!(" AND `{name}` < {value}"),
                Test::Has => format!(" AND has(`{name}`, {value})"),
                Test::Lacks => format!(" AND NOT has(`{name}`, {value})"),
                Test::Calls => format!(
                    " AND (`{name}` = {value} OR player_id IN (SELECT player_id FROM ({LABELLED}) WHERE label_name = {value}))"
                ),
            };
        }
        sql
    }

    /// The values of [`Self::sql`].
    pub(crate) fn bind(&self, query: Query) -> Query {
        self.conditions.iter().enumerate().fold(query, |query, (index, condition)| {
            let name = format!("f{index}");
            match &condition.value {
                Bound::Text(text) => query.param(&name, text),
                Bound::Number(number) => query.param(&name, number),
                Bound::Flag(flag) => query.param(&name, flag),
                Bound::Instant(instant) => query.param(&name, instant.as_millis()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rebuffer_tables::{NetworkRequest, Row};

    #[test]
    fn values_never_reach_the_sql() {
        let table = NetworkRequest::TABLE;
        let mut filter = Filter::default();
        let evil = "x' OR 1=1 --";
        filter.and(table, "player_id", Test::Is, Bound::Text(evil.into())).unwrap();
        filter.and(table, "labels", Test::Has, Bound::Text(evil.into())).unwrap();
        filter.and(table, "ts", Test::Below, Bound::Instant(Timestamp::from_millis(5))).unwrap();
        assert_eq!(
            filter.sql(),
            "1 AND `player_id` = {f0:String} AND has(`labels`, {f1:String}) \
             AND `ts` < fromUnixTimestamp64Milli({f2:Int64}, 'UTC')"
        );
        let mut called = Filter::default();
        called.and(table, "player_name", Test::Calls, Bound::Text(evil.into())).unwrap();
        let sql = called.sql();
        assert!(
            sql.starts_with("1 AND (`player_name` = {f0:String} OR player_id IN (") && !sql.contains(evil)
        );
        assert_eq!(filter.and(table, evil, Test::Is, Bound::Flag(true)), Err(evil.to_owned()));
    }
}
