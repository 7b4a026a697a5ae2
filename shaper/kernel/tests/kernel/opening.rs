//! Which backend is chosen, and what opening leaves alone.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use rebuffer_shaper::{Backend, Mode, Shaper, ShaperConfig, ShaperError};
use socket2::{Domain, Type};

use crate::netns::Net;
use crate::{cap, classes, config, is_untouched, kernel};

#[test]
fn opening_attaching_and_closing_touch_nothing() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        let in_force = link.set(&rebuffer_model::Shape::default()).await.unwrap();
        assert_eq!((in_force.rate, in_force.in_sync), (None, true));
        assert_eq!(link.traffic().await.unwrap().down, None);
        is_untouched(&net, "lo");
        shaper.close().await.unwrap();
    });
    is_untouched(&net, "lo");
}

#[test]
fn somebody_without_privilege_is_told_and_paced() {
    let Some(net) = Net::new() else { return };
    net.block_on_as_nobody(|| async {
        let error = Shaper::open(config(Mode::Kernel)).await.unwrap_err();
        assert!(matches!(error, ShaperError::NotPermitted(_)), "{error}");
        let shaper = Shaper::open(config(Mode::Auto)).await.unwrap();
        assert_eq!(shaper.backend(), Backend::Pacing);
        assert!(shaper.reason().contains("CAP_NET_ADMIN"), "{}", shaper.reason());
        let link = shaper.attach(30_100).unwrap();
        let mut connection = crate::traffic::Connection::open(&link, "127.0.0.1").await;
        let in_force = link.set(&cap(20.0)).await.unwrap();
        assert_eq!(in_force.rate.map(|rate| rate.mbps()), Some(20.0));
        connection.carry(1000).await;
        assert!(link.pacer().is_some());
    });
}

#[test]
fn one_shaper_per_namespace() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let first = kernel().await;
        assert_eq!(Shaper::open(config(Mode::Kernel)).await.unwrap_err(), ShaperError::Taken);
        let second = Shaper::open(config(Mode::Auto)).await.unwrap();
        assert_eq!(second.backend(), Backend::Pacing);
        assert!(second.reason().contains("another rebuffer"), "{}", second.reason());
        first.attach(30_100).unwrap().set(&cap(1.0)).await.unwrap();
        first.close().await.unwrap();
    });
}

#[test]
fn a_foreign_queue_is_named_and_stays() {
    let Some(net) = Net::new() else { return };
    net.run("tc qdisc add dev lo root handle 7: tbf rate 1gbit burst 1mb limit 1mb");
    let before = net.run("tc qdisc show dev lo");
    net.block_on(|| async {
        let error = Shaper::open(config(Mode::Kernel)).await.unwrap_err();
        assert_eq!(
            error,
            ShaperError::ForeignQdisc { interface: "lo".to_owned(), queue: "tbf 7:".to_owned() }
        );
        let shaper = Shaper::open(config(Mode::Auto)).await.unwrap();
        assert_eq!(shaper.backend(), Backend::Pacing);
        assert!(shaper.reason().contains("lo carries tbf 7:"), "{}", shaper.reason());
    });
    assert_eq!(net.run("tc qdisc show dev lo"), before);
}

#[test]
fn a_foreign_queue_that_came_later_fails_the_cap_and_stays() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        net.run("tc qdisc add dev lo root handle 7: htb");
        let link = shaper.attach(30_100).unwrap();
        let error = link.set(&cap(1.0)).await.unwrap_err();
        assert!(matches!(error, ShaperError::ForeignQdisc { .. }), "{error}");
        assert_eq!(link.in_force().rate, None);
        assert!(net.run("tc qdisc show dev lo").contains("htb 7:"));
        shaper.close().await.unwrap();
    });
    assert!(net.run("tc qdisc show dev lo").contains("htb 7:"));
}

#[test]
fn only_named_devices_are_touched() {
    let (Some(net), Some(other)) = (Net::new(), Net::new()) else { return };
    net.join([10, 9, 8, 1].into(), &other, [10, 9, 8, 2].into());
    net.block_on(|| async {
        let interfaces = vec!["veth0".to_owned()];
        let shaper = Shaper::open(ShaperConfig { mode: Mode::Kernel, interfaces, ..ShaperConfig::default() })
            .await
            .unwrap();
        shaper.attach(30_100).unwrap().set(&cap(1.0)).await.unwrap();
        is_untouched(&net, "lo");
        shaper.close().await.unwrap();
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(1.0)).await.unwrap();
        assert_eq!((classes(&net, "lo").len(), classes(&net, "veth0").len()), (1, 1));
        shaper.close().await.unwrap();
        let absent = ShaperConfig { interfaces: vec!["wan7".to_owned()], ..config(Mode::Kernel) };
        assert_eq!(Shaper::open(absent).await.unwrap_err(), ShaperError::NoInterface("wan7".to_owned()));
    });
    is_untouched(&net, "veth0");
}

#[test]
fn switched_off_a_cap_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let shaper = Shaper::open(config(Mode::Off)).await.unwrap();
        let link = shaper.attach(30_100).unwrap();
        assert!(matches!(link.set(&cap(1.0)).await, Err(ShaperError::NotHere { .. })));
        assert!(link.set(&rebuffer_model::Shape::default()).await.is_ok());
    });
}

#[test]
fn an_isolated_shaper_touches_nothing_of_the_machine_and_is_reached_over_its_pair() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = Shaper::open(ShaperConfig { isolate: true, ..config(Mode::Auto) }).await.unwrap();
        assert_eq!(shaper.backend(), Backend::Kernel);
        let [v4, v6] = shaper.isolated_at().unwrap();
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(5.0)).await.unwrap();
        for address in [v4, v6] {
            let address = SocketAddr::new(address, link.port());
            let socket = shaper.socket(Domain::for_address(address), Type::STREAM, None).unwrap();
            socket.bind(&address.into()).unwrap();
            socket.listen(1).unwrap();
            let at = socket.local_addr().unwrap().as_socket().unwrap();
            let client = std::net::TcpStream::connect(at).unwrap();
            let (server, _) = socket.accept().unwrap();
            let server = Arc::new(server);
            link.adopt(&server).unwrap();
            (&*server).write_all(&[7; 10_000]).unwrap();
            (&client).read_exact(&mut [0; 10_000]).unwrap();
        }
        assert!(link.traffic().await.unwrap().down.unwrap().bytes > 20_000);
        assert!(!net.run("tc qdisc show").contains("htb"));
        let second = Shaper::open(ShaperConfig { isolate: true, ..config(Mode::Auto) }).await.unwrap_err();
        assert!(second.to_string().contains("another rig"), "{second}");
        shaper.close().await.unwrap();
        drop(link);
    });
    assert!(!net.run("ip link show").contains("rebuffer"), "the pair went with the shaper");
}
