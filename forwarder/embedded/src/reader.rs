//! What the archive's reader may do: the verdict on a statement, from the engine's own parse of it.
//!
//! The engine has one user, and grants do not hold back everything (a function may read any file of the process, a setting may
//! lift a bound), so a statement is judged before it runs: its kind, each function, table function and table of the catalogue
//! below it, its format and its settings, against the lists in `reader/words/`.
//! Invariants: what no list allows is refused; nothing here asks the engine or the clock. Deliberately absent: which tables of data
//! may be read, which is a matter of the engine's grants.

mod clauses;
mod tree;
mod words;

use std::sync::LazyLock;

use clauses::Value;
use tree::Node;
use words::{Verdict, Words};

/// The database of the engine's own tables, most of which it shows to everybody.
const CATALOGUE: &str = "system";

/// Why a statement is refused, to be read behind "the reader may not".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

/// A statement whose tree holds nothing forbidden.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    /// How many lists of settings the tree holds.
    settings: usize,
    formats: bool,
    shows: bool,
}

/// A text whose clauses hold nothing forbidden.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// How many lists of settings the text shows.
    settings: usize,
    expressions: bool,
}

/// The bounds of a statement that depend on this archive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) memory_bytes: u64,
}

struct Lists {
    statements: Words,
    nodes: Words,
    functions: Words,
    table_functions: Words,
    system_tables: Words,
    formats: Words,
    settings: Words,
    combinators: Words,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| Lists {
    statements: Words::parse(include_str!("reader/words/statements.txt")),
    nodes: Words::parse(include_str!("reader/words/nodes.txt")),
    functions: Words::parse(include_str!("reader/words/functions.txt")),
    table_functions: Words::parse(include_str!("reader/words/table_functions.txt")),
    system_tables: Words::parse(include_str!("reader/words/system_tables.txt")),
    formats: Words::parse(include_str!("reader/words/formats.txt")),
    settings: Words::parse(include_str!("reader/words/settings.txt")),
    combinators: Words::parse(include_str!("reader/words/combinators.txt")),
});

const MOST_COMBINATORS: usize = 8;
const LONGEST_NAME: usize = 200;
const NO_PARSE: &str = "send a statement whose parse is not understood";

/// Functions whose second argument may be a table function.
const SETS: &[&str] =
    &["in", "notIn", "globalIn", "globalNotIn", "nullIn", "notNullIn", "globalNullIn", "globalNotNullIn"];

/// Judges the tree that `EXPLAIN AST` prints.
pub(crate) fn tree(printed: &str) -> Result<Parsed, Refusal> {
    let mut above: Vec<Node<'_>> = Vec::new();
    let mut missing = 1_usize;
    let mut parsed = Parsed { settings: 0, formats: false, shows: false };
    for (index, node) in tree::nodes(printed).enumerate() {
        if node.depth > above.len() || (node.depth == 0) != (index == 0) {
            return Err(refused(NO_PARSE));
        }
        // Fewer lines than the nodes say would be a parse that something cut short.
        missing = missing.saturating_add(node.children).checked_sub(1).ok_or_else(|| refused(NO_PARSE))?;
        let first = above.len() == node.depth;
        above.truncate(node.depth);
        if index == 0 {
            statement(&node)?;
            parsed.shows = node.kind.starts_with("Show");
            parsed.formats = node.kind != "SelectWithUnionQuery";
            parsed.settings = usize::from(node.kind == "Set");
        } else {
            below(&node, &above, first)?;
            let of_explain = index == 1 && above.first().is_some_and(|root| root.kind == "Explain");
            parsed.settings += usize::from(node.kind == "Set" && !of_explain);
            parsed.formats |= node.depth == 1 && node.kind == "Identifier";
        }
        above.push(node);
    }
    if missing == 0 { Ok(parsed) } else { Err(refused(NO_PARSE)) }
}

/// Judges the text as the engine writes it anew.
pub(crate) fn text(text: &str, bounds: Bounds) -> Result<Written, Refusal> {
    let Some(clauses) = clauses::read(text) else {
        return Err(refused("send settings that are not understood"));
    };
    for name in &clauses.formats {
        format(name)?;
    }
    for (name, value) in &clauses.settings {
        // The engine obeys the statement's settings while it prints the parse of it.
        if !clauses.sets && LISTS.settings.get(name) == Some(Verdict::WithRequest) {
            return Err(refused(&format!("set {name} in a statement (send it with the request)")));
        }
        match value {
            Value::Plain(text) => setting(name, Some(text), bounds)?,
            Value::Other => setting(name, None, bounds)?,
        }
    }
    Ok(Written { settings: clauses.lists, expressions: clauses.expressions })
}

impl Parsed {
    /// The tree does not hold everything; the text has to be judged as well.
    pub(crate) fn is_more_than_a_tree(&self) -> bool {
        self.formats || self.shows || self.settings > 0
    }

    /// Whether the judged text is all that the tree leaves out.
    pub(crate) fn agree(&self, written: &Written) -> Result<(), Refusal> {
        if written.settings != self.settings {
            return Err(refused("hide settings, or name something SETTINGS without quotes"));
        }
        if self.shows && written.expressions {
            return Err(refused("use expressions in a SHOW (ask information_schema or system.tables)"));
        }
        Ok(())
    }
}

/// A format that the client or the statement names.
pub(crate) fn format(name: &str) -> Result<(), Refusal> {
    match LISTS.formats.get(name) {
        Some(Verdict::Refused(reason)) => Err(because("use the format", name, reason)),
        // The engine says that there is no such format.
        _ => Ok(()),
    }
}

/// A setting of the request or the statement; no value is one that is no plain number or text.
pub(crate) fn setting(name: &str, value: Option<&str>, bounds: Bounds) -> Result<(), Refusal> {
    if name.starts_with("param_") {
        return Err(refused("keep parameters in a session (send param_... with the request)"));
    }
    let bound = match LISTS.settings.get(name) {
        Some(Verdict::Allowed | Verdict::WithRequest) => return Ok(()),
        Some(Verdict::AtMost("memory")) => bounds.memory_bytes,
        Some(Verdict::AtMost(bound)) => bound.parse().unwrap_or(0),
        Some(Verdict::Aggregate | Verdict::ByName | Verdict::Refused(_)) | None => {
            return Err(refused(&format!("change the setting {name}")));
        }
    };
    match value.and_then(whole_part) {
        Some(number) if (1..=bound).contains(&number) => Ok(()),
        _ => Err(refused(&format!("set {name} to anything but 1 to {bound}"))),
    }
}

/// A database that a request or a statement makes the current one.
pub(crate) fn database(name: &str) -> Result<(), Refusal> {
    // Its tables would go by names that could be those of any table.
    if name.eq_ignore_ascii_case(CATALOGUE) {
        return Err(refused("make system the current database (name its tables in full: system.tables)"));
    }
    Ok(())
}

/// A fraction is rounded up, so that no bound becomes 0, which is none; signs, exponents and units are no numbers here.
fn whole_part(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let more = fraction.bytes().any(|byte| byte != b'0');
    let number: u64 = whole.parse().ok()?;
    if number == 0 { None } else { number.checked_add(u64::from(more)) }
}

fn statement(root: &Node<'_>) -> Result<(), Refusal> {
    let kind = if root.kind == "Explain" { root.text.replace(' ', "_") } else { root.kind.to_owned() };
    if !LISTS.statements.allow(&kind) {
        return Err(refused(&format!("send a statement of the kind {kind}")));
    }
    if kind == "UseQuery" { database(root.name()) } else { Ok(()) }
}

/// `first` of its parent's children.
fn below(node: &Node<'_>, above: &[Node<'_>], first: bool) -> Result<(), Refusal> {
    if !LISTS.nodes.allow(node.kind) {
        return Err(refused(&format!("use what the engine's parser calls {}", node.kind)));
    }
    if let [.., call, _] = above
        && first
        && call.kind == "Function"
        && LISTS.functions.get(call.name()) == Some(Verdict::ByName)
    {
        aggregate_by_name(call.name(), node)?;
    }
    match node.kind {
        "Function" => function(node, above),
        "TableIdentifier" | "Identifier" => table(node),
        "Literal" if node.depth == 1 => Err(refused("write files (INTO OUTFILE)")),
        _ => Ok(()),
    }
}

fn function(node: &Node<'_>, above: &[Node<'_>]) -> Result<(), Refusal> {
    let name = node.name();
    if above.last().is_some_and(|parent| parent.kind == "TableExpression") {
        return table_function(name);
    }
    let in_set = matches!(above, [.., set, _] if set.kind == "Function" && SETS.contains(&set.name()));
    if in_set && LISTS.table_functions.get(name).is_some() {
        table_function(name)?;
    }
    match LISTS.functions.get(name) {
        Some(Verdict::Allowed | Verdict::Aggregate | Verdict::ByName) => Ok(()),
        Some(Verdict::Refused(reason)) => Err(because("call the function", name, reason)),
        _ if is_combination(name) => Ok(()),
        _ => Err(refused(&format!("call the function {name}, which is not known"))),
    }
}

fn table_function(name: &str) -> Result<(), Refusal> {
    match LISTS.table_functions.get(name) {
        Some(Verdict::Allowed) => Ok(()),
        Some(Verdict::Refused(reason)) => Err(because("use the table function", name, reason)),
        Some(_) | None => Err(refused(&format!("use the table function {name}, which is not known"))),
    }
}

/// The engine asks no grant for most of its own tables. A column may look like a table: `x in system.one` names one too.
fn table(node: &Node<'_>) -> Result<(), Refusal> {
    let name = node.text.rsplit_once(" (alias ").map_or(node.text, |(name, _)| name);
    match name.split_once('.') {
        Some((database, table)) if database.eq_ignore_ascii_case(CATALOGUE) => {
            let table = table.split('.').next().unwrap_or_default();
            match LISTS.system_tables.get(table) {
                Some(Verdict::Allowed) => Ok(()),
                Some(Verdict::Refused(reason)) => {
                    Err(because("read", &format!("{CATALOGUE}.{table}"), reason))
                }
                Some(_) | None => Err(refused(&format!("read {CATALOGUE}.{table}, which is not known"))),
            }
        }
        Some(_) | None => Ok(()),
    }
}

/// `sumIf`, `quantilesTimingArrayIf`: combinators behind an aggregate function. Of two that fit, the engine takes the longer.
fn is_combination(name: &str) -> bool {
    let mut name = if name.len() > LONGEST_NAME { "" } else { name };
    for _ in 0..MOST_COMBINATORS {
        let capitals = name.char_indices().filter(|(_, char)| char.is_ascii_uppercase());
        let mut cuts = capitals.filter_map(|(at, _)| name.split_at_checked(at));
        let Some((base, _)) = cuts.find(|(_, suffix)| LISTS.combinators.allow(suffix)) else { return false };
        match LISTS.functions.get(base) {
            Some(verdict) => return verdict == Verdict::Aggregate,
            None => name = base,
        }
    }
    false
}

/// A function that calls the aggregate function which its first argument names: a text, not computed.
fn aggregate_by_name(caller: &str, argument: &Node<'_>) -> Result<(), Refusal> {
    if argument.kind != "Literal" {
        return Err(refused(&format!("compute the name of the function that {caller} calls")));
    }
    let mut words = argument.text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    let name = words.find(|word| !word.is_empty()).unwrap_or_default();
    match LISTS.functions.get(name) {
        Some(Verdict::Aggregate) => Ok(()),
        Some(Verdict::Refused(reason)) => Err(because("call the function", name, reason)),
        _ if is_combination(name) => Ok(()),
        _ => Err(refused(&format!("call the aggregate function {name}, which is not known"))),
    }
}

fn because(what: &str, name: &str, reason: &str) -> Refusal {
    Refusal(format!("{what} {name}: {reason}"))
}

fn refused(what: &str) -> Refusal {
    Refusal(what.to_owned())
}

#[cfg(test)]
mod tests;
