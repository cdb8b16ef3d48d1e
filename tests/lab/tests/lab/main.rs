//! Tests of the lab with sockets of this process on several hosts.

mod routers;
mod sockets;

use std::{
    net::{Ipv4Addr, UdpSocket},
    process::ExitCode,
    time::Duration,
};

use anyhow::ensure;
use libtest_mimic::{Arguments, Trial};
use network_lab::{Conditions, Isolation, Lab, isolate};

use sockets::{PORT, SHORT, Test, receives_nothing, send, socket};

const TESTS: &[(&str, Test)] = &[
    ("hosts_reach_only_each_other", hosts_reach_only_each_other),
    (
        "cut_separates_two_hosts_until_healed",
        cut_separates_two_hosts_until_healed,
    ),
    (
        "frames_are_delayed_as_configured",
        frames_are_delayed_as_configured,
    ),
    (
        "frames_are_lost_as_configured",
        frames_are_lost_as_configured,
    ),
    (
        "interface_can_be_replaced_and_restored",
        interface_can_be_replaced_and_restored,
    ),
    (
        "program_runs_in_the_network_of_its_host",
        program_runs_in_the_network_of_its_host,
    ),
    (
        "dropped_host_receives_nothing",
        dropped_host_receives_nothing,
    ),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    if !arguments.list {
        match isolate() {
            Ok(Isolation::Done(code)) => return code,
            Ok(Isolation::Isolated) => {}
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
    let trials = TESTS.iter().chain(routers::TESTS).map(|&(name, test)| {
        Trial::test(name, move || {
            test().map_err(|error| format!("{error:#}").into())
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn hosts_reach_only_each_other() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    send(&a, &b, bob.address())?;
    let took = send(&b, &a, ada.address())?;
    println!("   one direction: {} us", took.as_micros());
    let outside = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
    ensure!(
        outside.send_to(b"hello", (ada.address(), PORT)).is_err() || receives_nothing(&a).is_ok(),
        "a socket outside the lab reaches a host"
    );
    Ok(())
}

fn cut_separates_two_hosts_until_healed() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob, cleo) = (lab.host("ada")?, lab.host("bob")?, lab.host("cleo")?);
    let (a, b, c) = (socket(&ada)?, socket(&bob)?, socket(&cleo)?);
    send(&a, &b, bob.address())?;
    lab.cut(&ada, &bob);
    a.send_to(b"hello", (bob.address(), PORT))?;
    receives_nothing(&b)?;
    send(&a, &c, cleo.address())?;
    send(&c, &b, bob.address())?;
    lab.heal(&ada, &bob);
    send(&a, &b, bob.address())?;
    ensure!(lab.counts().1 > 0, "no frame was dropped");
    Ok(())
}

fn frames_are_delayed_as_configured() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    // Resolves the addresses of both hosts, so that the measured packets do not include it.
    send(&a, &b, bob.address())?;
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
        .map(|_| send(&a, &b, bob.address()))
        .collect::<Result<_, _>>()?;
    let (least, most) = (took.iter().min(), took.iter().max());
    ensure!(least >= Some(&latency), "the shortest delay is {least:?}");
    ensure!(
        most >= Some(&(latency + jitter / 2)),
        "the longest delay is {most:?}"
    );
    Ok(())
}

fn frames_are_lost_as_configured() -> anyhow::Result<()> {
    const SENT: u32 = 2000;
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    send(&a, &b, bob.address())?;
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
    ensure!((0.2..0.3).contains(&loss), "the loss rate is {loss}");
    Ok(())
}

fn interface_can_be_replaced_and_restored() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    send(&a, &b, bob.address())?;
    let old = bob.interface();
    bob.take_down(&old)?;
    a.send_to(b"hello", (old.address(), PORT))?;
    receives_nothing(&b)?;
    let new = bob.add_interface()?;
    ensure!(
        new.address() != old.address(),
        "the address has not changed"
    );
    send(&a, &b, new.address())?;
    bob.take_down(&new)?;
    bob.bring_up(&old)?;
    send(&a, &b, old.address()).map(drop)
}

fn program_runs_in_the_network_of_its_host() -> anyhow::Result<()> {
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

fn dropped_host_receives_nothing() -> anyhow::Result<()> {
    let lab = Lab::new(1)?;
    let (ada, bob) = (lab.host("ada")?, lab.host("bob")?);
    let (a, b) = (socket(&ada)?, socket(&bob)?);
    let address = bob.address();
    send(&a, &b, address)?;
    drop(bob);
    a.send_to(b"hello", (address, PORT))?;
    receives_nothing(&b)
}
