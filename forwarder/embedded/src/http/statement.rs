//! Reads just enough of a statement: is it an INSERT with data, where does the data begin, which FORMAT does it name.
//!
//! The engine takes inserted data apart from the statement, so the FORMAT clause and what follows have to be cut off. This is a
//! lexer, not a parser: it knows strings, comments, here-documents and brackets. Where a decision guards something (more than
//! one statement, writing files), the engine's own parser is asked as well; see `run`.

/// What a text turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    /// Of a result; an INSERT has its own.
    pub(super) format: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A SELECT in any of its spellings.
    Select,
    /// An INSERT that wants data: `statement_end` is where its text is cut, `data_start` where inline data begins.
    InsertData { format: Option<String>, statement_end: usize, data_start: usize },
    /// An INSERT that would read a file of this machine.
    InsertFile,
    /// Everything else, INSERT ... SELECT included.
    Other,
}

/// A word, or anything else that stands between words.
enum Token {
    Word {
        start: usize,
        end: usize,
    },
    Open,
    Close,
    /// A string, a quoted name, an operator.
    Other,
}

pub(super) fn read(text: &[u8]) -> Statement {
    let mut lexer = Lexer { text, at: 0 };
    let mut depth = 0_usize;
    let mut first: Option<String> = None;
    let mut previous = String::new();
    let mut previous_start = 0;
    let mut format = None;
    let mut selects = false;
    while let Some(token) = lexer.next() {
        let (start, end) = match token {
            Token::Word { start, end } => (start, end),
            Token::Open => {
                depth += 1;
                first.get_or_insert_with(|| "(".to_owned());
                previous.clear();
                continue;
            }
            Token::Close => {
                depth = depth.saturating_sub(1);
                previous.clear();
                continue;
            }
            Token::Other => {
                previous.clear();
                continue;
            }
        };
        let word = String::from_utf8_lossy(&text[start..end]).into_owned();
        let upper = word.to_ascii_uppercase();
        let opening = first.get_or_insert_with(|| upper.clone());
        let insert = opening == "INSERT";
        selects |= upper == "SELECT" || upper == "WITH" && depth == 0;
        if insert && previous == "FROM" && upper == "INFILE" {
            return Statement { kind: Kind::InsertFile, format: None };
        }
        if depth == 0 && previous == "FORMAT" {
            if insert && !selects {
                return with_data(text, Some(word), previous_start, end);
            }
            format = Some(word);
        }
        if insert && depth == 0 && upper == "VALUES" && !selects {
            return with_data(text, Some("Values".to_owned()), start, end);
        }
        previous = upper;
        previous_start = start;
    }
    match first.as_deref() {
        Some("INSERT") if !selects => with_data(text, None, text.len(), text.len()),
        Some("SELECT" | "WITH" | "FROM" | "(") => Statement { kind: Kind::Select, format },
        Some(_) | None => Statement { kind: Kind::Other, format },
    }
}

fn with_data(text: &[u8], format: Option<String>, statement_end: usize, after: usize) -> Statement {
    let blanks = text[after..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    let newline = usize::from(text.get(after + blanks) == Some(&b'\n'));
    let data_start = after + blanks + newline;
    Statement { kind: Kind::InsertData { format, statement_end, data_start }, format: None }
}

struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<Token> {
        loop {
            let byte = *self.text.get(self.at)?;
            let rest = &self.text[self.at..];
            match byte {
                _ if byte.is_ascii_whitespace() => self.at += 1,
                b'-' if rest.starts_with(b"--") => self.skip_past(b"\n"),
                b'#' if rest.starts_with(b"# ") || rest.starts_with(b"#!") => self.skip_past(b"\n"),
                b'/' if rest.starts_with(b"/*") => self.skip_past(b"*/"),
                b'\'' | b'"' | b'`' => {
                    self.quoted(byte);
                    return Some(Token::Other);
                }
                b'$' if self.here_document() => return Some(Token::Other),
                _ if byte.is_ascii_alphabetic() || byte == b'_' => {
                    let start = self.at;
                    let length =
                        rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
                    self.at += length;
                    return Some(Token::Word { start, end: self.at });
                }
                _ => {
                    self.at += 1;
                    return Some(match byte {
                        b'(' => Token::Open,
                        b')' => Token::Close,
                        _ => Token::Other,
                    });
                }
            }
        }
    }

    fn skip_past(&mut self, end: &[u8]) {
        let from = (self.at + 2).min(self.text.len());
        let found = self.text[from..].windows(end.len()).position(|window| window == end);
        self.at = found.map_or(self.text.len(), |position| from + position + end.len());
    }

    /// A doubled quote reads as two strings side by side, which is as good here.
    fn quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == quote {
                return;
            }
        }
        self.at = self.text.len();
    }

    /// `$tag$ anything $tag$`
    fn here_document(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let tag = rest[1..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let Some(marker) = rest.get(..tag + 2).filter(|marker| marker.ends_with(b"$")) else { return false };
        let body = &rest[marker.len()..];
        let Some(end) = body.windows(marker.len()).position(|window| window == marker) else { return false };
        self.at += marker.len() + end + marker.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statement's text, the format and the inline data of an INSERT.
    fn insert(text: &str) -> (String, Option<String>, String) {
        match read(text.as_bytes()).kind {
            Kind::InsertData { format, statement_end, data_start } => {
                let part = |range: &[u8]| String::from_utf8(range.to_vec()).unwrap();
                (part(&text.as_bytes()[..statement_end]), format, part(&text.as_bytes()[data_start..]))
            }
            Kind::Select | Kind::InsertFile | Kind::Other => panic!("no data expected: {text}"),
        }
    }

    fn format_of(text: &str) -> Option<String> {
        read(text.as_bytes()).format
    }

    #[test]
    fn the_format_clause_is_cut_from_an_insert() {
        let cut = |text| insert(text);
        let csv = Some("CSV".to_owned());
        assert_eq!(cut("INSERT INTO t FORMAT CSV"), ("INSERT INTO t ".into(), csv.clone(), String::new()));
        assert_eq!(cut("insert into t (a, `format`) format CSV\n1,2\n").2, "1,2\n");
        assert_eq!(cut("INSERT INTO t FORMAT CSV 1,'--'").2, "1,'--'");
        assert_eq!(cut("/* FORMAT x */ INSERT INTO t -- FORMAT y\n SETTINGS s='FORMAT z' FORMAT CSV").1, csv);
        assert_eq!(
            cut("INSERT INTO t FORMAT CSV\n\n1").2,
            "\n1",
            "only one newline belongs to the statement"
        );
    }

    #[test]
    fn values_and_bare_inserts_want_data_too() {
        let values = Some("Values".to_owned());
        assert_eq!(
            insert("INSERT INTO t VALUES (1), (2)"),
            ("INSERT INTO t ".into(), values, "(1), (2)".into())
        );
        assert_eq!(insert("INSERT INTO t (a)"), ("INSERT INTO t (a)".into(), None, String::new()));
    }

    #[test]
    fn an_insert_that_selects_is_not_cut() {
        for text in [
            "INSERT INTO t SELECT 1 FORMAT CSV",
            "INSERT INTO t WITH 1 AS x SELECT x",
            "INSERT INTO t (SELECT 1)",
        ] {
            assert_eq!(read(text.as_bytes()).kind, Kind::Other, "{text}");
        }
    }

    #[test]
    fn files_are_seen_through_comments() {
        assert_eq!(read(b"INSERT INTO t FROM/**/INFILE 'x' FORMAT CSV").kind, Kind::InsertFile);
        assert_ne!(read(b"INSERT INTO t SELECT 'FROM INFILE'").kind, Kind::InsertFile);
    }

    #[test]
    fn selects_name_their_format_at_the_top_level_only() {
        assert_eq!(format_of("SELECT 1 FORMAT JSON"), Some("JSON".into()));
        assert_eq!(format_of("SELECT (SELECT 1 AS x FORMAT CSV)"), None);
        assert_eq!(format_of("SELECT 'it''s FORMAT CSV', \"FORMAT x\", $a$ FORMAT y $a$ # FORMAT z"), None);
        assert_eq!(format_of("SELECT '\\' FORMAT CSV'"), None);
        for text in ["(SELECT 1)", " WITH 1 AS x SELECT x", "from t select a"] {
            assert_eq!(read(text.as_bytes()).kind, Kind::Select, "{text}");
        }
        for text in ["SHOW TABLES", "", "'", "$a", "EXPLAIN SELECT 1"] {
            assert_eq!(read(text.as_bytes()).kind, Kind::Other, "{text}");
        }
    }
}
