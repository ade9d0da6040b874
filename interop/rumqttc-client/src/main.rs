//! Subscribes, publishes so many messages to itself, and prints what came, one payload and QoS per line.
//!
//!     rumqttc-client PORT VERSION(4|5) QOS COUNT

use std::env;

/// The two versions have the same API in different modules.
macro_rules! version {
    ($name:ident, $($import:tt)*) => {
        mod $name {
            use std::thread;
            use std::time::Duration;
            use $($import)*;

            pub fn talk(port: u16, qos: usize, count: usize) -> Vec<String> {
                let qos = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][qos];
                let mut options = MqttOptions::new(format!("rumqttc-{:?}", qos), "127.0.0.1", port);
                options.set_keep_alive(Duration::from_secs(10));
                let (client, mut connection) = Client::new(options, 10);
                client.subscribe("rumqttc/#", qos).unwrap();
                let mut received = Vec::new();
                for event in connection.iter() {
                    match event.expect("the connection failed") {
                        Event::Incoming(Packet::SubAck(_)) => {
                            let publisher = client.clone();
                            thread::spawn(move || {
                                for i in 0..count {
                                    publisher.publish("rumqttc/t", qos, false, i.to_string()).unwrap();
                                }
                            });
                        }
                        Event::Incoming(Packet::Publish(publish)) => {
                            let text = String::from_utf8_lossy(&publish.payload).into_owned();
                            received.push(format!("{} {}", text, publish.qos as u8));
                            if received.len() == count {
                                break;
                            }
                        }
                        _ => {}
                    }
                }
                received
            }
        }
    };
}

version!(v4, rumqttc::{Client, Event, MqttOptions, Packet, QoS});
version!(v5, rumqttc::v5::{mqttbytes::{v5::Packet, QoS}, Client, Event, MqttOptions});

fn main() {
    let words: Vec<usize> = env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    let talk = if words[1] == 5 { v5::talk } else { v4::talk };
    println!("{}", talk(words[0] as u16, words[2], words[3]).join("\n"));
}
