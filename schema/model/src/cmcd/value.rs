//! Values of CMCD, whatever syntax they came in.
//!
//! Invariant: a number is finite. A token is a text, as players mix the two. Deliberately absent: which type a key has.

use super::{CmcdObjectType, CmcdState, NextObject, PerObject};

/// The longest list that is kept.
const MAX_LIST: usize = 64;

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub enum CmcdValue {
    /// One.
    Item(CmcdItem),
    /// Several.
    List(Vec<CmcdItem>),
}

/// A value and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct CmcdItem {
    /// The value.
    pub bare: CmcdBare,
    /// Names and values.
    pub parameters: Vec<(String, CmcdBare)>,
}

/// A value without parameters.
#[derive(Debug, Clone, PartialEq)]
pub enum CmcdBare {
    /// A number, whole or not.
    Number(f64),
    /// A string or a token.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

impl From<CmcdBare> for CmcdItem {
    fn from(bare: CmcdBare) -> Self {
        Self { bare, parameters: Vec::new() }
    }
}

impl CmcdValue {
    pub(super) fn into_first(self) -> Option<CmcdItem> {
        match self {
            Self::Item(item) => Some(item),
            Self::List(list) => list.into_iter().next(),
        }
    }

    fn into_list(self) -> Option<Vec<CmcdItem>> {
        let list = match self {
            Self::Item(item) => vec![item],
            Self::List(list) => list,
        };
        (!list.is_empty() && list.len() <= MAX_LIST).then_some(list)
    }

    fn into_item(self) -> Option<CmcdItem> {
        match self {
            Self::Item(item) => Some(item),
            Self::List(list) if list.len() == 1 => list.into_iter().next(),
            Self::List(_) => None,
        }
    }

    /// A whole number; a fraction is rounded.
    pub(super) fn into_whole(self) -> Option<u64> {
        whole(&self.into_item()?.bare)
    }

    pub(super) fn into_decimal(self) -> Option<f64> {
        match self.into_item()?.bare {
            CmcdBare::Number(number) => Some(number).filter(|number| number.is_finite()),
            CmcdBare::Text(_) | CmcdBare::Flag(_) => None,
        }
    }

    pub(super) fn into_flag(self) -> Option<bool> {
        match self.into_item()?.bare {
            CmcdBare::Flag(flag) => Some(flag),
            CmcdBare::Number(_) | CmcdBare::Text(_) => None,
        }
    }

    /// A text of at most `longest` characters.
    pub(super) fn into_text(self, longest: usize) -> Option<String> {
        text(self.into_item()?.bare, longest)
    }

    pub(super) fn into_texts(self, longest: usize) -> Option<Vec<String>> {
        self.into_list()?.into_iter().map(|item| text(item.bare, longest)).collect()
    }

    /// Numbers, each with the object type that its parameter names.
    pub(super) fn into_per_object(self) -> Option<Vec<PerObject>> {
        let numbers = self.into_list()?.into_iter().map(|item| {
            let ot = item.parameters.iter().find_map(|(name, _)| CmcdObjectType::of(name));
            Some(PerObject { value: whole(&item.bare)?, ot })
        });
        numbers.collect()
    }

    pub(super) fn into_next_objects(self, longest: usize) -> Option<Vec<NextObject>> {
        let objects = self.into_list()?.into_iter().map(|item| {
            let range = item.parameters.into_iter().find(|(name, _)| name == "r");
            let range = range.and_then(|(_, range)| text(range, longest));
            Some(NextObject { path: text(item.bare, longest)?, range })
        });
        objects.collect()
    }

    pub(super) fn into_object_type(self) -> Option<CmcdObjectType> {
        CmcdObjectType::of(&self.into_text(2)?)
    }

    pub(super) fn into_state(self) -> Option<CmcdState> {
        Some(match self.into_text(1)?.as_str() {
            "s" => CmcdState::Starting,
            "p" => CmcdState::Playing,
            "k" => CmcdState::Seeking,
            "r" => CmcdState::Rebuffering,
            "a" => CmcdState::Paused,
            "w" => CmcdState::Waiting,
            "e" => CmcdState::Ended,
            "f" => CmcdState::Fatal,
            "q" => CmcdState::Quit,
            "d" => CmcdState::Preloading,
            _ => return None,
        })
    }
}

impl CmcdObjectType {
    fn of(token: &str) -> Option<Self> {
        Some(match token {
            "m" => Self::Manifest,
            "a" => Self::Audio,
            "v" => Self::Video,
            "av" => Self::Muxed,
            "i" => Self::Init,
            "c" => Self::Caption,
            "tt" => Self::TimedText,
            "k" => Self::Key,
            "o" => Self::Other,
            _ => return None,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be finite and from 0 to 2^53"
)]
fn whole(bare: &CmcdBare) -> Option<u64> {
    const MAX: f64 = 9_007_199_254_740_992.0;
    match bare {
        CmcdBare::Number(number) if (0.0..=MAX).contains(number) => Some(number.round() as u64),
        CmcdBare::Number(_) | CmcdBare::Text(_) | CmcdBare::Flag(_) => None,
    }
}

fn text(bare: CmcdBare, longest: usize) -> Option<String> {
    match bare {
        CmcdBare::Text(text) if text.chars().count() <= longest => Some(text),
        CmcdBare::Text(_) | CmcdBare::Number(_) | CmcdBare::Flag(_) => None,
    }
}
