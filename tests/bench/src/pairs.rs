//! Two binaries of the rig, measured in turns: what one does of the other's requests in each round.
//!
//! Invariant: a ratio compares two runs that followed each other directly; who goes first changes from round to round, so that what
//! drifts favours nobody. Deliberately absent: pass and fail.

use std::fmt::Write;

/// How one binary did under a load, as a share of the other in the same round.
pub(crate) struct Paired {
    pub(crate) name: &'static str,
    /// Requests per second of this binary and of the other, round by round.
    pub(crate) rounds: Vec<(f64, f64)>,
}

/// The middle of the ratios, and between what they lie.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    least: f64,
    lower: f64,
    median: f64,
    upper: f64,
    most: f64,
}

impl Paired {
    fn spread(&self) -> Spread {
        let mut ratios = self.rounds.iter().map(|(this, other)| this / other).collect::<Vec<_>>();
        ratios.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            ratios.get((ratios.len().saturating_sub(1)) * quarter / 4).copied().unwrap_or(f64::NAN)
        };
        Spread { least: at(0), lower: at(1), median: at(2), upper: at(3), most: at(4) }
    }
}

/// The page.
pub(crate) fn text(machine: &str, seconds: u32, results: &[Paired]) -> String {
    let rounds = results.first().map_or(0, |paired| paired.rounds.len());
    let mut page = format!(
        "# The rig beside an earlier rig\n\nWritten by `make bench AGAINST=<binary>`: {rounds} rounds of {seconds} s for each binary, in \
         turns, wrk with one thread, everything on loopback of one machine. A ratio is requests per second of this \
         binary by those of the other in the same round.\n\n{machine}\n\
         | load | median | quartiles | least and most | requests/s, median | of the other |\n|---|---|---|---|---|---|\n"
    );
    for paired in results {
        let Spread { least, lower, median, upper, most } = paired.spread();
        let middle = |side: fn(&(f64, f64)) -> f64| {
            let mut all = paired.rounds.iter().map(side).collect::<Vec<_>>();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
        };
        // Writing to memory does not fail.
        let _infallible = writeln!(
            page,
            "| {} | {median:.3} | {lower:.3} to {upper:.3} | {least:.3} to {most:.3} | {:.0} | {:.0} |",
            paired.name,
            middle(|(this, _)| *this),
            middle(|(_, other)| *other),
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_taken_within_its_round() {
        let rounds = vec![(50.0, 100.0), (300.0, 200.0), (90.0, 100.0), (110.0, 100.0), (10.0, 10.0)];
        let spread = Paired { name: "x", rounds }.spread();
        assert_eq!(spread, Spread { least: 0.5, lower: 0.9, median: 1.0, upper: 1.1, most: 1.5 });
    }
}
