//! What the operator chooses, and what came of it.
//!
//! Invariant: `Auto` never fails; it says why it could not have the kernel.
//! Deliberately absent: reading flags or the environment.

use std::fmt;
use std::str::FromStr;

use crate::error::ShaperError;

/// How links are to be shaped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// By the kernel when it may, else by pacing.
    #[default]
    Auto,
    /// By the kernel, or not at all.
    Kernel,
    /// By pacing.
    Pacing,
    /// Not at all; to ask for a cap is an error.
    Off,
}

/// How links are shaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// A class of the kernel per session; a cap counts every byte on the wire.
    Kernel,
    /// The proxy hands out bytes at the rate; a cap counts body bytes, and nothing ever queues or drops.
    Pacing,
    /// Links are as they are.
    Off,
}

/// What a shaper is opened with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShaperConfig {
    /// How links are to be shaped.
    pub mode: Mode,
    /// The devices through which players are reached; none for every one that is up and has an address, loopback
    /// included. For the kernel only.
    pub interfaces: Vec<String>,
    /// Whether sessions live in a network namespace of the rig's own, so that nothing of the machine's own devices is
    /// touched. Needs the kernel.
    pub isolate: bool,
}

impl ShaperConfig {
    /// The mode that the settings come to: isolation leaves only the kernel.
    pub(crate) fn effective_mode(&self) -> Result<Mode, ShaperError> {
        match (self.isolate, self.mode) {
            (true, Mode::Auto | Mode::Kernel) => Ok(Mode::Kernel),
            (true, mode @ (Mode::Pacing | Mode::Off)) => {
                Err(ShaperError::Unsupported(format!("isolation needs the kernel to shape; got {mode}")))
            }
            (false, mode) => Ok(mode),
        }
    }
}

impl Mode {
    /// Why the backend is the one that the mode asks for first.
    pub(crate) fn reason(self, isolated: bool) -> &'static str {
        match self {
            Self::Off => "switched off",
            Self::Kernel if isolated => "in a network namespace of its own",
            Self::Kernel | Self::Pacing => "chosen",
            Self::Auto => "the kernel lets this process shape",
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "auto" => Ok(Self::Auto),
            "kernel" => Ok(Self::Kernel),
            "pacing" => Ok(Self::Pacing),
            "off" => Ok(Self::Off),
            _ => Err(format!("must be auto, kernel, pacing or off; got {word}")),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Kernel => "kernel",
            Self::Pacing => "pacing",
            Self::Off => "off",
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::Pacing => "pacing",
            Self::Off => "off",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in [Mode::Auto, Mode::Kernel, Mode::Pacing, Mode::Off] {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        assert!("tc".parse::<Mode>().unwrap_err().contains("pacing"));
    }
}
