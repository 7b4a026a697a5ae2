//! What a machine can do is the same with and without a rig that runs there, and to ask disturbs nobody.

use rebuffer_shaper::{Backend, Examination, Mode, Shaper, ShaperConfig, ShaperError};

use crate::netns::Net;
use crate::{cap, config, kernel};

/// Devices with their settings, queues, classes and filters, and who listens to the packet filter's changes.
fn everything(net: &Net) -> Vec<String> {
    let looks = [
        "ip -d link show",
        "ip address show",
        "tc qdisc show",
        "tc class show dev lo",
        "tc filter show dev lo",
    ];
    looks.iter().map(|look| net.run(look)).collect()
}

fn isolated() -> ShaperConfig {
    ShaperConfig { isolate: true, ..config(Mode::Auto) }
}

#[test]
fn a_running_rig_changes_nothing_in_the_verdict_and_is_not_disturbed() {
    let Some(net) = Net::new() else { return };
    let alone = net.here(|| Examination::of(&config(Mode::Auto)).unwrap());
    assert!(!net.here(|| Examination::is_beside_a_rig(false)));
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(1.0)).await.unwrap();
        assert_eq!((alone.backend, &alone.machine), (Backend::Kernel, &shaper.machine()));
        assert_eq!(alone.interfaces, shaper.interfaces());

        let before = everything(&net);
        assert_eq!(Examination::of(&config(Mode::Auto)).unwrap(), alone);
        assert!(Examination::is_beside_a_rig(false));
        assert_eq!(everything(&net), before);
        assert_eq!(shaper.audit().await.unwrap(), [], "nothing of the rig's was changed");
        shaper.close().await.unwrap();
    });
    assert!(!net.here(|| Examination::is_beside_a_rig(false)));
}

#[test]
fn an_isolated_rig_changes_nothing_in_the_verdict_of_either_kind() {
    let Some(net) = Net::new() else { return };
    let examined = || (Examination::of(&config(Mode::Auto)).unwrap(), Examination::of(&isolated()).unwrap());
    let alone = net.here(examined);
    assert_eq!(alone.1.backend, Backend::Kernel);
    assert!(!net.here(|| Examination::is_beside_a_rig(true)));
    net.block_on(|| async {
        let shaper = Shaper::open(isolated()).await.unwrap();
        assert_eq!((&alone.1.machine, &alone.1.interfaces[..]), (&shaper.machine(), shaper.interfaces()));
        let before = everything(&net);
        assert_eq!(examined(), alone);
        assert!(Examination::is_beside_a_rig(true));
        assert_eq!(everything(&net), before);
        shaper.close().await.unwrap();
    });
}

#[test]
fn what_keeps_a_shaper_from_opening_is_told() {
    let Some(net) = Net::new() else { return };
    net.block_on_as_nobody(|| async {
        let error = Examination::of(&config(Mode::Kernel)).unwrap_err();
        assert!(matches!(error, ShaperError::NotPermitted(_)), "{error}");
        let paced = Examination::of(&config(Mode::Auto)).unwrap();
        assert_eq!(paced.backend, Backend::Pacing);
        assert!(paced.reason.contains("CAP_NET_ADMIN"), "{}", paced.reason);
    });
    net.run("tc qdisc add dev lo root handle 7: tbf rate 1gbit burst 1mb limit 1mb");
    let foreign = net.here(|| Examination::of(&config(Mode::Kernel)).unwrap_err());
    assert_eq!(foreign, ShaperError::ForeignQdisc { interface: "lo".to_owned(), queue: "tbf 7:".to_owned() });
    let absent = ShaperConfig { interfaces: vec!["wan7".to_owned()], ..config(Mode::Kernel) };
    let absent = net.here(|| Examination::of(&absent).unwrap_err());
    assert_eq!(absent, ShaperError::NoInterface("wan7".to_owned()));
    let paced = ShaperConfig { isolate: true, ..config(Mode::Pacing) };
    assert!(matches!(net.here(|| Examination::of(&paced).unwrap_err()), ShaperError::Unsupported(_)));
}
