//! Every event arrives, in order and signed, whatever the receiver and the gateway go through.

use std::net::SocketAddr;
use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use obs_gateway::jobs::webhook::Webhook;
use obs_gateway::wire::hex;
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Gateway, NOW, SECRET};

/// What the receiver does with a delivery.
#[derive(Clone, Copy, Debug)]
enum Then {
    Answer(&'static str),
    Close,
}

const OK: Then = Then::Answer("204 No Content");

/// A delivery as it arrived.
struct Delivery {
    head: String,
    body: String,
}

impl Delivery {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    fn number(&self) -> u64 {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(self.header("x-obs-gateway-event-id"), body["number"].to_string());
        body["number"].as_u64().unwrap()
    }

    fn assert_signed(&self) {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(format!("{}.{}", self.header("x-obs-gateway-timestamp"), self.body).as_bytes());
        let digest = hex(&mac.finalize().into_bytes());
        assert_eq!(self.header("x-obs-gateway-signature"), format!("sha256={digest}"));
    }
}

struct Receiver(TcpListener);

impl Receiver {
    async fn new() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Takes one step of the job and treats what it sends as told; a step that sends less never ends, one that sends
    /// more never returns.
    async fn step(&self, webhook: &mut Webhook, gateway: &Gateway, then: &[Then]) -> (usize, Vec<Delivery>) {
        let receive = async {
            let mut deliveries = Vec::new();
            for then in then {
                let (stream, _) = self.0.accept().await.unwrap();
                deliveries.push(receive(stream, *then).await);
            }
            deliveries
        };
        let (taken, deliveries) = tokio::join!(webhook.step(&gateway.app), receive);
        (taken.unwrap(), deliveries)
    }
}

async fn receive(mut stream: TcpStream, then: Then) -> Delivery {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "a delivery cut short");
        let text = String::from_utf8(bytes.clone()).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let delivery = Delivery { head: head.to_owned(), body: String::new() };
        if body.len() == delivery.header("content-length").parse::<usize>().unwrap() {
            break (head.to_owned(), body.to_owned());
        }
    };
    if let Then::Answer(status) = then {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    Delivery { head, body }
}

fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(Delivery::number).collect()
}

/// A gateway with three events to send.
async fn with_events(receiver: &Receiver) -> Gateway {
    let gateway = Gateway::new().await;
    gateway.quota(100).await;
    gateway.put("a", 100).await;
    Gateway::over(Arc::clone(&gateway.engine), NOW, Some(receiver.address())).await
}

#[tokio::test]
async fn events_arrive_in_order_and_signed() {
    let receiver = Receiver::new().await;
    let gateway = with_events(&receiver).await;
    let mut webhook = Webhook::default();
    let (taken, deliveries) = receiver.step(&mut webhook, &gateway, &[OK; 3]).await;
    assert_eq!((taken, numbers(&deliveries)), (3, vec![1, 2, 3]));
    for delivery in &deliveries {
        delivery.assert_signed();
        assert!(delivery.head.starts_with("POST /hook?from=test HTTP/1.1\r\n"), "{}", delivery.head);
        assert_eq!(delivery.header("content-type"), "application/json");
        assert_eq!(delivery.header("host"), receiver.address().to_string());
        assert_eq!(delivery.header("x-obs-gateway-timestamp"), (NOW / 1000).to_string());
    }
    let events = gateway.admin("GET", "events", "").await;
    assert_eq!(serde_json::from_str::<Value>(&deliveries[1].body).unwrap(), events["events"][1]);
    assert_eq!(gateway.metric("obs_gateway_events_pending"), "0");
    assert_eq!(receiver.step(&mut webhook, &gateway, &[]).await.0, 0);
    gateway.delete("a").await;
    let (_, deliveries) = receiver.step(&mut webhook, &gateway, &[OK; 3]).await;
    assert_eq!(numbers(&deliveries), [4, 5, 6]);
}

#[tokio::test]
async fn what_is_not_taken_is_sent_again_later_and_nothing_overtakes_it() {
    let receiver = Receiver::new().await;
    let gateway = with_events(&receiver).await;
    let mut webhook = Webhook::default();
    let (taken, deliveries) = receiver.step(&mut webhook, &gateway, &[OK, Then::Answer("500 Oops")]).await;
    assert_eq!((taken, numbers(&deliveries)), (1, vec![1, 2]));
    gateway.advance(999);
    assert_eq!(receiver.step(&mut webhook, &gateway, &[]).await.0, 0, "too early for another try");
    gateway.advance(1);
    let (_, deliveries) = receiver.step(&mut webhook, &gateway, &[Then::Close]).await;
    assert_eq!(numbers(&deliveries), [2]);
    assert_eq!(gateway.metric("obs_gateway_events_pending"), "2");
    assert_eq!(gateway.metric("obs_gateway_webhook_failures_total"), "2");
    gateway.advance(1999);
    assert_eq!(receiver.step(&mut webhook, &gateway, &[]).await.0, 0, "pauses grow");
    gateway.advance(1);
    let (_, deliveries) = receiver.step(&mut webhook, &gateway, &[Then::Answer("302 Found")]).await;
    assert_eq!(numbers(&deliveries), [2], "a redirection is no success");
    gateway.advance(4000);
    let (taken, deliveries) = receiver.step(&mut webhook, &gateway, &[OK; 2]).await;
    assert_eq!((taken, numbers(&deliveries)), (2, vec![2, 3]));
    deliveries.iter().for_each(Delivery::assert_signed);
    gateway.delete("a").await;
    let (taken, _) = receiver.step(&mut webhook, &gateway, &[Then::Close]).await;
    assert_eq!(taken, 0);
    gateway.advance(1000);
    let (taken, _) = receiver.step(&mut webhook, &gateway, &[OK; 3]).await;
    assert_eq!(taken, 3, "a success begins the pauses afresh");
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let receiver = Receiver::new().await;
    let gateway = with_events(&receiver).await;
    let (taken, _) = receiver.step(&mut Webhook::default(), &gateway, &[OK, OK, Then::Close]).await;
    assert_eq!(taken, 2);
    let again = Gateway::over(Arc::clone(&gateway.engine), NOW, Some(receiver.address())).await;
    let (taken, deliveries) = receiver.step(&mut Webhook::default(), &again, &[OK]).await;
    assert_eq!((taken, numbers(&deliveries)), (1, vec![3]));
    let third = Gateway::over(Arc::clone(&gateway.engine), NOW, Some(receiver.address())).await;
    assert_eq!(receiver.step(&mut Webhook::default(), &third, &[]).await.0, 0);
}

#[tokio::test]
async fn nobody_there_is_a_failure_like_any_other() {
    let receiver = Receiver::new().await;
    let gateway = with_events(&receiver).await;
    drop(receiver);
    assert_eq!(Webhook::default().step(&gateway.app).await.unwrap(), 0);
    assert_eq!(gateway.metric("obs_gateway_events_pending"), "3");
}
