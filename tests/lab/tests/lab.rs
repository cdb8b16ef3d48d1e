//! What the lab promises, with sockets of this process in several hosts.

use std::{
    net::{Ipv4Addr, UdpSocket},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use libtest_mimic::{Arguments, Trial};
use network_lab::{Conditions, Host, Inside, Lab, isolate};

const PATIENCE: Duration = Duration::from_secs(2);
const SHORT: Duration = Duration::from_millis(100);
const PORT: u16 = 4000;

type Test = fn() -> anyhow::Result<()>;

const TESTS: &[(&str, Test)] = &[
    (
        "hosts_reach_each_other_and_nobody_else",
        hosts_reach_each_other_and_nobody_else,
    ),
    (
        "a_cut_is_between_two_and_heals",
        a_cut_is_between_two_and_heals,
    ),
    (
        "frames_take_as_long_as_they_are_told_to",
        frames_take_as_long_as_they_are_told_to,
    ),
    (
        "as_many_are_lost_as_asked_for",
        as_many_are_lost_as_asked_for,
    ),
    (
        "an_interface_goes_and_another_comes",
        an_interface_goes_and_another_comes,
    ),
    (
        "programs_are_started_on_a_host",
        programs_are_started_on_a_host,
    ),
    (
        "a_host_that_is_gone_is_silent",
        a_host_that_is_gone_is_silent,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if !arguments.list {
        match isolate() {
            Ok(Inside::Done(code)) => return code,
            Ok(Inside::Yes) => {}
            Err(error) if std::env::var("CI").is_ok_and(|ci| ci == "true") => {
                eprintln!("error: {error:#}");
                return ExitCode::FAILURE;
            }
            Err(error) => {
                println!("The lab's tests are ignored: {error:#}");
                return ExitCode::SUCCESS;
            }
        }
    }
    let trials = TESTS.iter().map(|&(name, test)| {
        Trial::test(name, move || {
            test().map_err(|error| format!("{error:#}").into())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn socket(host: &Host) -> anyhow::Result<UdpSocket> {
    let socket = host.enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT)))??;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends from one to the other; how long it took.
fn way(from: &UdpSocket, to: &UdpSocket, address: Ipv4Addr) -> anyhow::Result<Duration> {
    let start = Instant::now();
    from.send_to(b"hello", (address, PORT))?;
    let mut bytes = [0; 16];
    let len = to.recv(&mut bytes)?;
    ensure!(&bytes[..len] == b"hello", "something else arrived");
    Ok(start.elapsed())
}

fn is_silent(socket: &UdpSocket) -> anyhow::Result<()> {
    socket.set_read_timeout(Some(SHORT))?;
    let heard = socket.recv(&mut [0; 16]);
    socket.set_read_timeout(Some(PATIENCE))?;
    match heard {
        Ok(_) => bail!("something arrived"),
        Err(_) => Ok(()),
    }
}

fn hosts_reach_each_other_and_nobody_else() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    way(&a, &b, bob.address())?;
    let took = way(&b, &a, ada.address())?;
    println!("   one way: {} us", took.as_micros());
    let outside = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    ensure!(
        outside.send_to(b"hello", (ada.address(), PORT)).is_err() || is_silent(&a).is_ok(),
        "the outside reaches a host"
    );
    Ok(())
}

fn a_cut_is_between_two_and_heals() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob, cleo) = (lab.host("ada")?, lab.host("bob")?, lab.host("cleo")?);
    let (a, b, c) = (socket(&ada)?, socket(&bob)?, socket(&cleo)?);
    way(&a, &b, bob.address())?;
    lab.cut(&ada, &bob);
    a.send_to(b"hello", (bob.address(), PORT))?;
    is_silent(&b)?;
    way(&a, &c, cleo.address())?;
    way(&c, &b, bob.address())?;
    lab.heal(&ada, &bob);
    way(&a, &b, bob.address())?;
    ensure!(lab.counts().1 > 0, "nothing was lost");
    Ok(())
}

fn frames_take_as_long_as_they_are_told_to() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    // So that both know where the other is.
    way(&a, &b, bob.address())?;
    let (latency, jitter) = (Duration::from_millis(40), Duration::from_millis(30));
    lab.set_between(
        &ada,
        &bob,
        Conditions {
            latency,
            jitter,
            ..Conditions::GOOD
        },
    );
    let took: Vec<Duration> = (0..20)
        .map(|_| way(&a, &b, bob.address()))
        .collect::<Result<_, _>>()?;
    let (least, most) = (took.iter().min(), took.iter().max());
    ensure!(least >= Some(&latency), "one took {least:?}");
    ensure!(
        most >= Some(&(latency + jitter / 2)),
        "all took {most:?} or less"
    );
    Ok(())
}

fn as_many_are_lost_as_asked_for() -> anyhow::Result<()> {
    const SENT: u32 = 2000;
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    way(&a, &b, bob.address())?;
    lab.set_everywhere(Conditions {
        loss: 0.25,
        ..Conditions::GOOD
    });
    b.set_nonblocking(true)?;
    let mut arrived = 0;
    for _ in 0..SENT {
        a.send_to(b"hello", (bob.address(), PORT))?;
        std::thread::sleep(Duration::from_micros(100));
        while b.recv(&mut [0; 16]).is_ok() {
            arrived += 1;
        }
    }
    std::thread::sleep(SHORT);
    while b.recv(&mut [0; 16]).is_ok() {
        arrived += 1;
    }
    let loss = 1.0 - f64::from(arrived) / f64::from(SENT);
    ensure!((0.2..0.3).contains(&loss), "the loss is {loss}");
    Ok(())
}

fn an_interface_goes_and_another_comes() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    way(&a, &b, bob.address())?;
    let old = bob.interface();
    bob.take_down(&old)?;
    a.send_to(b"hello", (old.address(), PORT))?;
    is_silent(&b)?;
    let new = bob.plug_in()?;
    ensure!(new.address() != old.address(), "the address stayed");
    way(&a, &b, new.address())?;
    bob.take_down(&new)?;
    bob.bring_up(&old)?;
    way(&a, &b, old.address()).map(drop)
}

fn programs_are_started_on_a_host() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let ada = lab.host("ada")?;
    let output = ada.enter(|| {
        std::process::Command::new("cat")
            .arg("/proc/self/net/fib_trie")
            .output()
    })??;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        text.contains(&ada.address().to_string()),
        "not on the host: {text}"
    );
    Ok(())
}

fn a_host_that_is_gone_is_silent() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    let address = bob.address();
    way(&a, &b, address)?;
    drop(bob);
    a.send_to(b"hello", (address, PORT))?;
    is_silent(&b)
}
