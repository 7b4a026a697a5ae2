//! The way through a device of our own: who takes it, who does not, and what is left of it afterwards.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use rebuffer_shape::{Aide, ClassParams, Interface, Kernel, Minor, Op};
use rebuffer_shaper::{Netlink, prepare_listener};
use socket2::{Domain, SockRef, Socket, Type};

use crate::after;
use crate::netns::Net;

const V4: &str = "127.0.0.1";
const V6: &str = "::1";
const BYTES: usize = 200_000;
const CLASS: u32 = 0x5eb0_0001;

fn minor() -> Minor {
    Minor::new(1).unwrap()
}

fn interface(netlink: &mut Netlink, name: &str) -> Interface {
    netlink.interfaces().unwrap().into_iter().find(|interface| interface.name == name).unwrap()
}

/// A fork on loopback, towards a device with one class.
fn forked(netlink: &mut Netlink) -> (Interface, Interface) {
    let down = netlink.summon(Aide::Down).unwrap();
    netlink.apply(&down, &Op::InstallRoot { own_gso_segs: 1 }).unwrap();
    netlink.apply(&down, &Op::CreateClass(minor(), ClassParams::UNLIMITED)).unwrap();
    let lo = interface(netlink, "lo");
    netlink.apply(&lo, &Op::InstallFork).unwrap();
    (lo, down)
}

/// Sends bytes from a port, in the class of a session, and says how many of them went through the device.
fn carry(netlink: &mut Netlink, down: &Interface, ip: &str, port: u16) -> u64 {
    let before = netlink.class(down, minor()).unwrap().unwrap().counters.bytes;
    let address = SocketAddr::new(ip.parse().unwrap(), port);
    let listener = listen(address);
    let mut client = TcpStream::connect(address).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    SockRef::from(&server).set_priority(CLASS).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| server.write_all(&[7; BYTES]).unwrap());
        client.read_exact(&mut [0; BYTES]).unwrap();
    });
    netlink.class(down, minor()).unwrap().unwrap().counters.bytes - before
}

/// Listens as the proxy does: without its limit, loopback makes IPv6 packets that are too long for a plain header.
fn listen(address: SocketAddr) -> TcpListener {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    prepare_listener(&socket).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(8).unwrap();
    socket.into()
}

fn passed(bytes: u64) -> bool {
    bytes > BYTES as u64
}

#[test]
fn a_diverted_port_goes_through_our_device_and_others_do_not() {
    let Some(net) = Net::new() else { return };
    net.here(|| {
        let netlink = &mut Netlink::open().unwrap();
        let (lo, down) = forked(netlink);
        assert_eq!(netlink.diverted(&lo), Ok(Some(BTreeSet::new())));
        // The second has the same low byte as the first, the third the same high byte.
        let ports = [30_100, 30_356, 30_101];
        for port in &ports[..2] {
            netlink.apply(&lo, &Op::Divert(*port)).unwrap();
        }
        assert_eq!(netlink.diverted(&lo), Ok(Some(ports[..2].iter().copied().collect())));
        for ip in [V4, V6] {
            for (at, port) in ports.iter().enumerate() {
                let bytes = carry(netlink, &down, ip, *port);
                assert_eq!((passed(bytes), bytes == 0), (at < 2, at == 2), "{ip} {port} {bytes}");
            }
        }
        netlink.apply(&lo, &Op::Undivert(ports[0])).unwrap();
        netlink.apply(&lo, &Op::Undivert(ports[0])).unwrap();
        assert_eq!(netlink.diverted(&lo), Ok(Some(BTreeSet::from([ports[1]]))));
        assert_eq!(carry(netlink, &down, V4, 30100), 0);
        assert!(passed(carry(netlink, &down, V4, 30356)));
        assert!(passed(carry(netlink, &down, V6, 30356)));
    });
}

#[test]
fn packets_leave_our_device_one_by_one_and_in_full() {
    let (Some(net), Some(peer)) = (Net::new(), Net::new()) else { return };
    net.join([10, 0, 0, 1].into(), &peer, [10, 0, 0, 2].into());
    net.here(|| {
        let netlink = &mut Netlink::open().unwrap();
        let (_, down) = forked(netlink);
        let veth = interface(netlink, "veth0");
        netlink.apply(&veth, &Op::InstallFork).unwrap();
        netlink.apply(&veth, &Op::Divert(30_100)).unwrap();
        netlink.apply(&veth, &Op::InstallRoot { own_gso_segs: 1 }).unwrap();
        netlink.apply(&veth, &Op::CreateClass(minor(), ClassParams::UNLIMITED)).unwrap();

        let listener = listen("10.0.0.1:30100".parse().unwrap());
        let read = || {
            let mut client = TcpStream::connect("10.0.0.1:30100").unwrap();
            client.read_exact(&mut [0; BYTES]).unwrap();
        };
        std::thread::scope(|scope| {
            scope.spawn(|| peer.here(read));
            let (mut server, _) = listener.accept().unwrap();
            SockRef::from(&server).set_priority(CLASS).unwrap();
            server.write_all(&[7; BYTES]).unwrap();
        });
        let [through, out] = [&down, &veth].map(|at| netlink.class(at, minor()).unwrap().unwrap().counters);
        assert!(passed(through.bytes) && passed(out.bytes), "{through:?} {out:?}");
        // What was one on its way in is many on its way out.
        assert!(out.packets >= 138 && out.drops + through.drops == 0, "{through:?} {out:?}");
    });
}

#[test]
fn a_fork_that_is_removed_leaves_nothing() {
    let Some(net) = Net::new() else { return };
    net.here(|| {
        let netlink = &mut Netlink::open().unwrap();
        for _ in 0..2 {
            let (lo, _) = forked(netlink);
            netlink.apply(&lo, &Op::Divert(30_100)).unwrap();
            let again = netlink.apply(&lo, &Op::InstallFork).unwrap_err();
            assert_eq!(again.errno, libc::EEXIST, "{again}");
            assert_eq!(netlink.diverted(&lo), Ok(Some(BTreeSet::from([30_100]))));
            netlink.apply(&lo, &Op::RemoveFork).unwrap();
            netlink.apply(&lo, &Op::RemoveFork).unwrap();
            netlink.apply(&lo, &Op::Undivert(30_100)).unwrap();
            assert_eq!(netlink.diverted(&lo), Ok(None));
            netlink.dismiss(Aide::Down).unwrap();
        }
    });
    assert!(!net.run("tc qdisc show dev lo").contains("clsact"));
    assert!(!net.run("ip link show").contains("rebuffer"));
}

/// Somebody else's hook, with filters of the same kind on both sides of it.
#[test]
fn a_foreign_hook_and_its_filters_survive() {
    let Some(net) = Net::new() else { return };
    net.run("tc qdisc add dev lo clsact");
    let filter = "protocol ip prio 7 u32 match ip dport 9 0xffff classid 1:1";
    for foreign in [&["egress"][..], &["egress", "ingress"], &[]] {
        for side in foreign {
            net.run(&format!("tc filter add dev lo {side} {filter}"));
        }
        let filters = || ["egress", "ingress"].map(|side| net.run(&format!("tc filter show dev lo {side}")));
        let before = filters();
        net.here(|| {
            let netlink = &mut Netlink::open().unwrap();
            for _ in 0..2 {
                let (lo, down) = forked(netlink);
                netlink.apply(&lo, &Op::Divert(30_100)).unwrap();
                assert!(passed(carry(netlink, &down, V4, 30100)));
                netlink.apply(&lo, &Op::RemoveFork).unwrap();
                assert_eq!(carry(netlink, &down, V4, 30100), 0);
                assert_eq!(netlink.diverted(&lo), Ok(None));
                netlink.dismiss(Aide::Down).unwrap();
            }
        });
        assert_eq!(filters(), before, "{foreign:?}");
        assert!(net.run("tc qdisc show dev lo").contains("clsact"), "{foreign:?}");
        foreign.iter().for_each(|side| drop(net.run(&format!("tc filter del dev lo {side} prio 7"))));
    }
}

/// Our own hook, which somebody else began to use.
#[test]
fn a_hook_that_somebody_uses_stays_without_us() {
    let Some(net) = Net::new() else { return };
    for side in ["ingress", "egress"] {
        net.here(|| drop(forked(&mut Netlink::open().unwrap())));
        net.run(&format!("tc filter add dev lo {side} prio 7 u32 match u32 0 0 classid 1:1"));
        net.here(|| {
            let netlink = &mut Netlink::open().unwrap();
            let lo = interface(netlink, "lo");
            netlink.apply(&lo, &Op::RemoveFork).unwrap();
            assert_eq!(netlink.diverted(&lo), Ok(None));
            netlink.dismiss(Aide::Down).unwrap();
        });
        let left = net.run(&format!("tc filter show dev lo {side}"));
        assert!(left.contains("pref 7") && !left.contains("pref 2"), "{left}");
        net.run("tc qdisc del dev lo clsact");
    }
}

#[test]
fn what_leaves_no_room_for_a_fork_is_named() {
    let Some(net) = Net::new() else { return };
    let install = || {
        net.here(|| {
            let netlink = &mut Netlink::open().unwrap();
            let lo = interface(netlink, "lo");
            let refusal = netlink.apply(&lo, &Op::InstallFork).unwrap_err();
            assert_eq!(refusal.errno, libc::EEXIST);
            netlink.apply(&lo, &Op::RemoveFork).unwrap();
            refusal.message
        })
    };
    net.run("tc qdisc add dev lo ingress");
    assert!(install().contains("ingress of somebody else"));
    net.run("tc qdisc del dev lo ingress");
    net.run("tc qdisc add dev lo clsact");
    net.run("tc filter add dev lo egress prio 24240 u32 match u32 0 0 classid 1:1");
    assert!(install().contains("filters of somebody else"));
    assert!(net.run("tc filter show dev lo egress").contains("pref 24240"));
}

#[test]
fn devices_of_ours_come_and_go() {
    let Some(net) = Net::new() else { return };
    net.here(|| {
        let netlink = &mut Netlink::open().unwrap();
        for aide in Aide::ALL {
            let made = netlink.summon(aide).unwrap();
            assert_eq!((made.name.as_str(), made.usable, made.gso_segs), (aide.name(), false, 1));
            let looked = net.run(&format!("ip address show dev {}", aide.name()));
            let up = looked.contains("UP");
            assert_eq!(
                (up, looked.contains("inet"), after(&looked, "qlen")),
                (aide != Aide::Sink, false, 10_000)
            );
        }
        net.run("ip address add 10.9.9.9/24 dev rebuffer-up");
        let again = netlink.summon(Aide::Up).unwrap();
        assert!(!again.usable, "{again:?}");
        for aide in Aide::ALL {
            netlink.dismiss(aide).unwrap();
            netlink.dismiss(aide).unwrap();
        }
        assert!(!net.run("ip link show").contains("rebuffer"));

        net.run("ip link add rebuffer-sink type veth peer name other");
        assert_eq!(netlink.summon(Aide::Sink).unwrap_err().errno, libc::EEXIST);
        netlink.dismiss(Aide::Sink).unwrap();
        assert!(net.run("ip link show").contains("rebuffer-sink"));
    });
}

#[test]
fn what_the_kernel_can_do_is_found_without_a_trace() {
    let Some(net) = Net::new() else { return };
    let looked = || [net.run("ip link show"), net.run("tc qdisc show")];
    let before = looked();
    let features = net.here(|| Netlink::open().unwrap().features());
    assert_eq!(looked(), before);
    assert_eq!((features.divert, features.aides), (Ok(()), Ok(())));
    // tc knows what this kernel can, too.
    net.run("ip link add scratch type ifb");
    let known = net.try_run("tc qdisc add dev scratch root netem delay 1ms").is_ok();
    assert_eq!(features.netem.is_ok(), known, "{:?}", features.netem);
}
