//! exo as participants use it (docs/skynet.md), without a broker and with a real one.
#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::disallowed_methods, reason = "tests run programs, and wait with a deadline")]

// A scratch directory with participants in it.
mod scene;

// What needs no broker: local mode, and the logic as a process.
mod local;
mod poison;

// The rows of docs/skynet.md, "Life of a participant", with a broker.
mod life;
// What administrators are told, with a broker.
mod trouble;
// Queues that administrators have made, and limits that they have set.
mod queues;
// Several nodes, and brokers that take nothing.
mod nodes;
// URLs, and brokers that are reached by TLS.
mod tls;
// The document of the names, formats and behaviour that stay.
mod document;
// What skynet has exo say to the broker.
mod skynet;

// The demonstration.
mod tour;

// What takes minutes: `make chaos`.
mod chaos;
// What is measured: `make throughput`.
mod throughput;
