//! Trouble that comes again and again, told once.
//!
//! Invariant: each different trouble is logged when it begins, and its end is logged; in between there is silence.

use std::fmt::Display;

/// What keeps something from being known.
#[derive(Debug)]
pub(crate) struct Trouble {
    consequence: &'static str,
    present: Option<String>,
}

impl Trouble {
    /// None yet; `consequence` is what there is to say of it.
    pub(crate) fn new(consequence: &'static str) -> Self {
        Self { consequence, present: None }
    }

    /// The value, or none with the error told if it is news.
    pub(crate) fn or_none<T, E: Display>(&mut self, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.present.take().is_some() {
                    tracing::info!(ended = self.consequence, "trouble is over");
                }
                Some(value)
            }
            Err(error) => {
                let error = error.to_string();
                if self.present.as_ref() != Some(&error) {
                    tracing::warn!(%error, "{}", self.consequence);
                    self.present = Some(error);
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_kept_until_it_ends() {
        let mut trouble = Trouble::new("nothing is known");
        assert_eq!(trouble.or_none(Ok::<_, String>(1)), Some(1));
        assert_eq!(trouble.or_none(Err::<u8, _>("no")), None);
        assert_eq!(trouble.or_none(Err::<u8, _>("no")), None);
        assert_eq!(trouble.present.as_deref(), Some("no"));
        assert_eq!(trouble.or_none(Err::<u8, _>("never")), None);
        assert_eq!(trouble.present.as_deref(), Some("never"));
        assert_eq!(trouble.or_none(Ok::<_, String>(2)), Some(2));
        assert_eq!(trouble.present, None);
    }
}
