//! What `EXPLAIN AST` leaves out: the names in SETTINGS clauses, the FORMAT, and the conditions of a SHOW.
//!
//! Read from the text as the engine writes it anew (`formatQuerySingleLine`), where keywords are in capitals, strings are escaped
//! by backslashes, and there are no comments. Invariant: a clause that is not understood to its end is an error, and who asks
//! compares the number of clauses with the number in the tree.

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A number or the inside of a string.
    Plain(String),
    /// A map, an array, DEFAULT, a call.
    Other,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Clauses {
    pub(super) settings: Vec<(String, Value)>,
    /// How many SETTINGS clauses, or SET statements, named them.
    pub(super) lists: usize,
    /// The text is a SET statement.
    pub(super) sets: bool,
    pub(super) formats: Vec<String>,
    /// The text holds what a SHOW could hide an expression in.
    pub(super) expressions: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Symbol(char),
}

/// The clauses of a statement, or nothing when one of them is not understood.
pub(super) fn read(text: &str) -> Option<Clauses> {
    let tokens = tokens(text)?;
    let sets = matches!(tokens.first(), Some(Token::Word(word)) if word == "SET");
    let mut clauses = Clauses { sets, ..Clauses::default() };
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Token::Word(word) if word == "SETTINGS" || word == "SET" && at == 1 => {
                if tokens.get(at + 1) == Some(&Token::Symbol('=')) {
                    at = list(&tokens, at, &mut clauses)?;
                }
            }
            Token::Word(word) if word == "FORMAT" && ends(tokens.get(at + 1)) => {
                if let Some(Token::Word(name)) = tokens.get(at) {
                    clauses.formats.push(name.clone());
                }
            }
            Token::Word(word) if word == "LIMIT" => {
                let number = matches!(tokens.get(at), Some(Token::Word(number)) if is_number(number));
                clauses.expressions |= !(number && ends(tokens.get(at + 1)));
            }
            Token::Word(word) => clauses.expressions |= word == "WHERE",
            Token::Symbol('(') => clauses.expressions = true,
            Token::Symbol(_) | Token::Text(_) => {}
        }
    }
    Some(clauses)
}

/// `name = value, name = value`; where it ends.
fn list(tokens: &[Token], mut at: usize, clauses: &mut Clauses) -> Option<usize> {
    clauses.lists += 1;
    loop {
        let Some(Token::Word(name)) = tokens.get(at) else { return None };
        if tokens.get(at + 1) != Some(&Token::Symbol('=')) {
            return None;
        }
        let (value, after) = value(tokens, at + 2)?;
        clauses.settings.push((name.clone(), value));
        at = after + 1;
        match tokens.get(after) {
            Some(Token::Symbol(',')) => {}
            Some(Token::Symbol(')')) | None => return Some(after),
            Some(Token::Word(word)) if FOLLOWS.contains(&word.as_str()) => return Some(after),
            Some(Token::Word(_) | Token::Text(_) | Token::Symbol(_)) => return None,
        }
    }
}

/// What may stand behind a list of settings.
const FOLLOWS: &[&str] = &["FORMAT", "SETTINGS", "UNION", "INTERSECT", "EXCEPT", "INTO", "PARALLEL"];

fn value(tokens: &[Token], at: usize) -> Option<(Value, usize)> {
    match tokens.get(at)? {
        Token::Text(text) => Some((Value::Plain(text.clone()), at + 1)),
        Token::Word(word) if is_number(word) => Some((Value::Plain(word.clone()), at + 1)),
        Token::Word(word) if word == "true" || word == "false" => Some((Value::Plain(word.clone()), at + 1)),
        Token::Word(_) if tokens.get(at + 1) == Some(&Token::Symbol('(')) => {
            Some((Value::Other, balanced(tokens, at + 1)?))
        }
        Token::Word(_) => Some((Value::Other, at + 1)),
        Token::Symbol('{' | '[' | '(') => Some((Value::Other, balanced(tokens, at)?)),
        Token::Symbol('-') => Some((Value::Other, at + 2)),
        Token::Symbol(_) => None,
    }
}

/// Behind the bracket that closes the one here.
fn balanced(tokens: &[Token], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match tokens.get(at)? {
            Token::Symbol('{' | '[' | '(') => depth += 1,
            Token::Symbol('}' | ']' | ')') => depth = depth.checked_sub(1)?,
            Token::Symbol(_) | Token::Word(_) | Token::Text(_) => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

fn ends(token: Option<&Token>) -> bool {
    match token {
        None => true,
        Some(Token::Word(word)) => word == "SETTINGS" || word == "FORMAT",
        Some(Token::Text(_) | Token::Symbol(_)) => false,
    }
}

fn is_number(word: &str) -> bool {
    word.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        if next.is_whitespace() {
            continue;
        }
        if matches!(next, '\'' | '"' | '`') {
            let mut inside = String::new();
            loop {
                match rest.next()? {
                    '\\' => inside.push(rest.next()?),
                    end if end == next => break,
                    other => inside.push(other),
                }
            }
            tokens.push(if next == '\'' { Token::Text(inside) } else { Token::Symbol(next) });
        } else if is_word(next) {
            let mut word = String::from(next);
            while let Some(more) = rest.next_if(|&more| is_word(more)) {
                word.push(more);
            }
            tokens.push(Token::Word(word));
        } else {
            tokens.push(Token::Symbol(next));
        }
    }
    Some(tokens)
}

/// A dot belongs to the word: `SETTINGS.x` is a column.
fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '.' | '@' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Option<(usize, Vec<(String, Value)>)> {
        read(text).map(|clauses| (clauses.lists, clauses.settings))
    }

    fn plain(name: &str, value: &str) -> (String, Value) {
        (name.to_owned(), Value::Plain(value.to_owned()))
    }

    #[test]
    fn every_settings_clause_is_found() {
        let text = "SELECT a AS settings, SETTINGS.x, 'SETTINGS a = 1' FROM (SELECT 1 SETTINGS b = 2) SETTINGS c = '3', \
                    d = {'t':'file(1)'}, e = 1.5 FORMAT JSON SETTINGS f = true";
        let other = ("d".to_owned(), Value::Other);
        let expected = vec![plain("b", "2"), plain("c", "3"), other, plain("e", "1.5"), plain("f", "true")];
        assert_eq!(settings(text), Some((3, expected)));
        assert_eq!(settings("SET a = 1, b = DEFAULT").map(|found| found.0), Some(1));
        assert_eq!(settings("SHOW SETTINGS LIKE 'x'"), Some((0, vec![])));
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "SELECT 1 SETTINGS a = 1 b = 2",
            "SELECT 1 SETTINGS a = , b = 2",
            "SELECT 1 SETTINGS a = {1",
            "SELECT 1 SETTINGS a = 1, `b` = 2",
            "SELECT 'open",
            "SELECT 1 SETTINGS a = 'x\\",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn formats_stand_at_the_end() {
        let formats = |text| read(text).unwrap().formats;
        assert_eq!(formats("SELECT 1 FORMAT JSON"), ["JSON"]);
        assert_eq!(formats("SELECT 1 FORMAT JSON SETTINGS a = 1"), ["JSON"]);
        assert_eq!(formats("SELECT FORMAT FROM t"), [""; 0]);
    }

    #[test]
    fn a_show_has_no_place_for_expressions() {
        let hides = |text| read(text).unwrap().expressions;
        for text in ["SHOW TABLES FROM d", "SHOW TABLES LIKE '(' LIMIT 5", "SHOW TABLES LIMIT 5 FORMAT CSV"] {
            assert!(!hides(text), "{text}");
        }
        for text in
            ["SHOW TABLES WHERE a = 1", "SHOW TABLES LIMIT f(1)", "SHOW TABLES LIMIT 1 IN system.models"]
        {
            assert!(hides(text), "{text}");
        }
    }
}
