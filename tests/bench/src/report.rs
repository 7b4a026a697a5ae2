//! From rounds to a page: medians, ratios, and the machine they were taken on.
//!
//! Invariant: a ratio compares medians of the same run.

use std::fmt::Write;

use crate::load::Figures;
use crate::peers::Contender;

/// One kind of load, and how everybody did.
pub(crate) struct Compared {
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    pub(crate) figures: Vec<(Contender, Figures)>,
}

/// The median of each figure, per contender.
pub(crate) fn medians(rounds: &[(Contender, Figures)]) -> Vec<(Contender, Figures)> {
    let of = |contender, figure: fn(&Figures) -> f64| {
        let mut all: Vec<f64> =
            rounds.iter().filter(|(who, _)| *who == contender).map(|(_, figures)| figure(figures)).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Contender::BESIDE_NGINX
        .map(|contender| {
            let figures = Figures {
                requests_per_second: of(contender, |f| f.requests_per_second),
                p50_ms: of(contender, |f| f.p50_ms),
                p99_ms: of(contender, |f| f.p99_ms),
            };
            (contender, figures)
        })
        .to_vec()
}

/// The page.
pub(crate) fn text(machine: &str, seconds: u32, rounds: usize, results: &[Compared]) -> String {
    let mut page = format!(
        "# The rig beside nginx\n\nWritten by `make bench`: median of {rounds} rounds of {seconds} s each, wrk with one thread, everything on \
         loopback of one machine. The rig records every request to its feed; nginx logs nothing.\n\n{machine}\n"
    );
    for Compared { name, bytes, figures } in results {
        let find = |who| figures.iter().find(|(contender, _)| *contender == who).map(|(_, figures)| *figures);
        let (Some(direct), Some(nginx)) = (find(Contender::Direct), find(Contender::Nginx)) else { continue };
        // Writing to memory does not fail.
        let _infallible = write!(
            page,
            "\n## {name}\n\n| | requests/s | Gbit/s | of nginx | p50 ms | p99 ms | added p50 ms | added p99 ms |\n\
             |---|---|---|---|---|---|---|---|\n"
        );
        for (contender, figures) in figures {
            let _infallible = writeln!(
                page,
                "| {} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                contender.name(),
                figures.requests_per_second,
                gigabits(figures.requests_per_second, *bytes),
                figures.requests_per_second / nginx.requests_per_second,
                figures.p50_ms,
                figures.p99_ms,
                figures.p50_ms - direct.p50_ms,
                figures.p99_ms - direct.p99_ms,
            );
        }
    }
    page
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files")]
fn gigabits(requests_per_second: f64, bytes: usize) -> f64 {
    requests_per_second * bytes as f64 * 8.0 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_round_does_not_decide() {
        let round = |rps| (Contender::Rig, Figures { requests_per_second: rps, p50_ms: 1.0, p99_ms: 2.0 });
        let medians = medians(&[round(100.0), round(5.0), round(101.0)]);
        let rig = medians.iter().find(|(who, _)| *who == Contender::Rig).unwrap();
        assert_eq!(rig.1.requests_per_second, 100.0);
    }
}
