//! A dictionary of structured fields (RFC 8941), read key by key.
//!
//! Invariant: commas in quotes and in lists separate nothing; a quote or list that is never closed ends at the next
//! comma, so that one broken key costs itself alone. Deliberately absent: the grammar of a value; the crate `sfv` has it.

use rebuffer_model::{Cmcd, CmcdBare, CmcdItem, CmcdValue};
use sfv::{BareItem, Dictionary, InnerList, Item, ListEntry, Parameters, Parser};

use super::MAX_RECORD;

/// The most members of one dictionary.
const MAX_MEMBERS: usize = 256;

/// Puts every key of a dictionary into a record.
pub(super) fn read(text: &str, cmcd: &mut Cmcd) {
    for (count, member) in members(text).enumerate() {
        let member = member.trim_ascii();
        if count >= MAX_MEMBERS {
            cmcd.drop_one();
            return;
        }
        if member.is_empty() {
            continue;
        }
        match Parser::new(member).parse::<Dictionary>() {
            Ok(read) => {
                for (key, entry) in read {
                    match value(entry) {
                        Some(value) => cmcd.put(key.as_str(), value),
                        None => cmcd.drop_one(),
                    }
                }
            }
            Err(_) => cmcd.drop_one(),
        }
    }
}

/// The pieces between the commas of a dictionary.
fn members(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(cut(text));
    std::iter::from_fn(move || {
        let text = rest?;
        let (member, after) = match end(text) {
            Some(at) => (text.split_at(at).0, text.split_at(at + 1).1),
            None => {
                rest = None;
                return Some(text);
            }
        };
        rest = Some(after);
        Some(member)
    })
}

/// Where the first member ends; `None` at the end of the text.
fn end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0_u32);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth = depth.saturating_sub(1),
            b',' if !quoted && depth == 0 => return Some(at),
            _ => {}
        }
    }
    (quoted || depth > 0).then(|| text.find(',')).flatten()
}

/// As much of it as is read.
fn cut(text: &str) -> &str {
    let mut end = MAX_RECORD.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.split_at(end).0
}

fn value(entry: ListEntry) -> Option<CmcdValue> {
    match entry {
        ListEntry::Item(one) => Some(CmcdValue::Item(item(one)?)),
        ListEntry::InnerList(InnerList { items, .. }) => {
            items.into_iter().map(item).collect::<Option<_>>().map(CmcdValue::List)
        }
    }
}

fn item(Item { bare_item, params }: Item) -> Option<CmcdItem> {
    Some(CmcdItem { bare: bare(bare_item)?, parameters: parameters(params)? })
}

fn parameters(parameters: Parameters) -> Option<Vec<(String, CmcdBare)>> {
    parameters.into_iter().map(|(name, value)| Some((name.as_str().to_owned(), bare(value)?))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "structured integers have at most 15 digits")]
fn bare(item: BareItem) -> Option<CmcdBare> {
    match item {
        BareItem::Integer(number) => Some(CmcdBare::Number(i64::from(number) as f64)),
        BareItem::Decimal(number) => Some(CmcdBare::Number(f64::from(number))),
        BareItem::String(text) => Some(CmcdBare::Text(text.as_str().to_owned())),
        BareItem::Token(token) => Some(CmcdBare::Text(token.as_str().to_owned())),
        BareItem::DisplayString(text) => Some(CmcdBare::Text(text)),
        BareItem::Boolean(flag) => Some(CmcdBare::Flag(flag)),
        BareItem::ByteSequence(_) | BareItem::Date(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_lists_separate_nothing() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(members(text).collect::<Vec<_>>(), expected, "{text}");
        };
        check(
            "a=1,b=\"x,\\\",y\",c=(1 \"2,3\");q=\"(,\"",
            &["a=1", "b=\"x,\\\",y\"", "c=(1 \"2,3\");q=\"(,\""],
        );
        check("a=\"never closed,b=2,c", &["a=\"never closed", "b=2", "c"]);
        check("a=(1 2,b=2", &["a=(1 2", "b=2"]);
        check("", &[""]);
        check(",é,", &["", "é", ""]);
    }

    #[test]
    fn no_text_is_too_long() {
        let long = "é,".repeat(MAX_RECORD);
        let mut cmcd = Cmcd::default();
        read(&long, &mut cmcd);
        assert_eq!(cmcd.dropped, 257);
    }
}
