//! The engine's own parse of a statement, as `EXPLAIN AST` prints it: a line per node, indented by depth.
//!
//! Invariant: every line is a node, and says how many nodes stand right below it. A name with a line break in it makes lines more,
//! never fewer, so nothing can hide; a line that no node begins is of no known kind, and is refused.

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node<'t> {
    pub(super) depth: usize,
    /// The first word.
    pub(super) kind: &'t str,
    /// What follows, without the number of children.
    pub(super) text: &'t str,
    pub(super) children: usize,
}

impl<'t> Node<'t> {
    /// The name of a function: no function of the engine has a blank in its name.
    pub(super) fn name(&self) -> &'t str {
        self.text.split(' ').next().unwrap_or_default()
    }
}

pub(super) fn nodes(printed: &str) -> impl Iterator<Item = Node<'_>> {
    printed.lines().filter(|line| !line.is_empty()).map(|line| {
        let bare = line.trim_start_matches(' ');
        let (whole, count) = bare.rsplit_once(" (children ").unwrap_or((bare, "0)"));
        let children = count.strip_suffix(')').and_then(|count| count.parse().ok()).unwrap_or(usize::MAX);
        let (kind, text) = whole.split_once(' ').unwrap_or((whole, ""));
        Node { depth: line.len() - bare.len(), kind, text, children }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_nodes() {
        let printed =
            "SelectWithUnionQuery (children 1)\n Function file (alias x) (children 1)\n  Literal 'a (b'\n\n";
        let all: Vec<Node<'_>> = nodes(printed).collect();
        assert_eq!(all[0], Node { depth: 0, kind: "SelectWithUnionQuery", text: "", children: 1 });
        assert_eq!((all[1].depth, all[1].kind, all[1].name()), (1, "Function", "file"));
        assert_eq!(all[2], Node { depth: 2, kind: "Literal", text: "'a (b'", children: 0 });
        assert_eq!(all.len(), 3);
    }
}
