//! What a link does to its own session, and to nobody else's.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use rebuffer_model::Shape;
use rebuffer_shaper::{Backend, ShaperError};
use socket2::SockRef;

use crate::netns::Net;
use crate::traffic::Connection;
use crate::{after, cap, classes, gso_segs, is_untouched, kernel};

#[test]
fn a_cap_is_in_the_kernel_as_it_is_reported() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        for (mbps, rate, burst) in
            [(5.0, "5Mbit", "3125b"), (0.3, "300Kbit", "3027b"), (200.0, "200Mbit", "")]
        {
            let in_force = link.set(&cap(mbps)).await.unwrap();
            assert_eq!(in_force.rate.map(|rate| rate.mbps()), Some(mbps));
            assert_eq!((in_force.backend, in_force.in_sync), (Backend::Kernel, true));
            assert_eq!(link.in_force(), in_force);
            let [class] = &classes(&net, "lo")[..] else { panic!("one class") };
            assert!(class.contains(&format!("rate {rate} ceil {rate} burst {burst}")), "{class}");
        }
        let queue = net.run("tc qdisc show dev lo");
        assert!(queue.contains("bfifo 1: parent 5eb0:1 limit 2Mb"), "{queue}");
        assert_eq!(gso_segs(&net, "lo"), 1);
        shaper.close().await.unwrap();
        assert_eq!(link.set(&cap(1.0)).await, Err(ShaperError::Closed));
    });
    is_untouched(&net, "lo");
}

#[test]
fn a_change_keeps_the_class_and_its_counters() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(100.0)).await.unwrap();
        Connection::open(&link, "127.0.0.1").await.carry(50_000).await;
        let before = link.traffic().await.unwrap().down.unwrap();
        assert!(before.bytes > 50_000 && before.packets >= 35, "{before:?}");
        for shape in [cap(50.0), Shape::default(), cap(100.0)] {
            link.set(&shape).await.unwrap();
            assert!(link.traffic().await.unwrap().down.unwrap().bytes >= before.bytes, "{shape:?}");
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn sessions_do_not_see_each_other() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let [one, two, free] = [30_100, 30_101, 30_102].map(|port| shaper.attach(port).unwrap());
        one.set(&cap(50.0)).await.unwrap();
        two.set(&cap(100.0)).await.unwrap();
        Connection::open(&free, "127.0.0.1").await.carry(1 << 20).await;
        Connection::open(&two, "::1").await.carry(50_000).await;
        let [first, second] =
            [one.traffic().await, two.traffic().await].map(|traffic| traffic.unwrap().down.unwrap());
        assert_eq!(first.packets, 0);
        assert!((50_000..60_000).contains(&second.bytes), "{second:?}");
        assert_eq!(free.traffic().await.unwrap().down, None);
        shaper.close().await.unwrap();
    });
}

#[test]
fn leaving_frees_the_sockets_and_leaves_the_neighbour() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let [one, two] = [30_100, 30_101].map(|port| shaper.attach(port).unwrap());
        one.set(&cap(50.0)).await.unwrap();
        two.set(&cap(100.0)).await.unwrap();
        let [mut leaving, mut staying] =
            [Connection::open(&one, "127.0.0.1").await, Connection::open(&two, "127.0.0.1").await];
        staying.carry(10_000).await;
        let neighbour = (classes(&net, "lo")[1].clone(), two.traffic().await.unwrap().down.unwrap());

        let again = one.clone();
        one.detach().await.unwrap();
        assert_eq!(SockRef::from(&*leaving.server).priority().unwrap(), 0);
        assert_eq!(again.set(&cap(1.0)).await, Err(ShaperError::Detached));
        assert!(again.adopt(&leaving.server).is_err());
        again.detach().await.unwrap();
        leaving.carry(1 << 20).await;

        assert_eq!(classes(&net, "lo"), [neighbour.0]);
        assert_eq!(two.traffic().await.unwrap().down.unwrap(), neighbour.1);
        staying.carry(10_000).await;
        assert!(two.traffic().await.unwrap().down.unwrap().bytes > neighbour.1.bytes + 10_000);
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_new_session_gets_a_class_nobody_had() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        for number in 1..=3 {
            let link = shaper.attach(30_100).unwrap();
            link.set(&cap(1.0)).await.unwrap();
            let [class] = &classes(&net, "lo")[..] else { panic!("one class") };
            assert!(class.contains(&format!("5eb0:{number} ")), "{class}");
            link.detach().await.unwrap();
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_link_that_is_dropped_is_detached() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let [dropped, kept] = [30_100, 30_101].map(|port| shaper.attach(port).unwrap());
        dropped.set(&cap(1.0)).await.unwrap();
        drop(dropped);
        kept.set(&cap(2.0)).await.unwrap();
        let [class] = &classes(&net, "lo")[..] else { panic!("one class") };
        assert!(class.contains("rate 2Mbit"), "{class}");
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_caller_that_stops_waiting_leaves_no_difference_to_the_kernel() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(1.0)).await.unwrap();
        let shape = cap(5.0);
        let mut set = Box::pin(link.set(&shape));
        poll_fn(|context| Poll::Ready(set.as_mut().poll(context).is_ready())).await;
        drop(set);
        // Commands are carried out in order, so this one waits for that one.
        link.traffic().await.unwrap();
        assert_eq!(link.in_force().rate.map(|rate| rate.mbps()), Some(5.0));
        shaper.close().await.unwrap();
    });
}

/// A class hands out what it was handed: if that is 64 KiB, a slow link moves in lumps. Sockets that were open before
/// the cap keep what their device allowed then, unless they are told.
#[test]
fn a_cap_on_an_open_connection_sends_single_packets() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        for address in ["127.0.0.1", "::1"] {
            let link = shaper.attach(30_100).unwrap();
            let mut connection = Connection::open(&link, address).await;
            connection.carry(1 << 20).await;
            link.set(&cap(100.0)).await.unwrap();
            connection.carry(200_000).await;
            let class = net.run("tc -s class show dev lo");
            let (packets, pieces) =
                (link.traffic().await.unwrap().down.unwrap().packets, after(&class, "lended:"));
            assert_eq!(packets, pieces, "{address}: {class}");
            link.detach().await.unwrap();
        }
        shaper.close().await.unwrap();
    });
}

#[test]
fn lifting_the_last_cap_gives_devices_and_sockets_their_offload_back() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let [link, other] = [30_100, 30_101].map(|port| shaper.attach(port).unwrap());
        link.set(&cap(100.0)).await.unwrap();
        other.set(&cap(100.0)).await.unwrap();
        let mut connection = Connection::open(&link, "127.0.0.1").await;
        connection.carry(10_000).await;
        link.set(&Shape::default()).await.unwrap();
        assert_eq!(gso_segs(&net, "lo"), 1, "the other session still needs it");
        other.detach().await.unwrap();
        assert_eq!(gso_segs(&net, "lo"), u64::from(crate::OWN_SEGS));
        connection.carry(4 << 20).await;
        let class = net.run("tc -s class show dev lo");
        let (packets, pieces) =
            (link.traffic().await.unwrap().down.unwrap().packets, after(&class, "lended:"));
        assert!(packets > 3 * pieces, "{packets} packets in {pieces} pieces");
        assert_eq!(link.in_force().rate, None);
        shaper.close().await.unwrap();
    });
}

#[test]
fn a_link_keeps_no_socket_open() {
    let Some(net) = Net::new() else { return };
    net.block_on(|| async {
        let shaper = kernel().await;
        let link = shaper.attach(30_100).unwrap();
        link.set(&cap(10.0)).await.unwrap();
        let mut connection = Connection::open(&link, "127.0.0.1").await;
        assert_eq!(Arc::strong_count(&connection.server), 1);
        drop(connection.server);
        let read = tokio::io::AsyncReadExt::read(&mut connection.client, &mut [0]).await;
        assert_eq!(read.unwrap(), 0);
        link.set(&cap(20.0)).await.unwrap();
        shaper.close().await.unwrap();
    });
}
