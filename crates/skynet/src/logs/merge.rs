//! Several streams of lines as one, in the order of their labels. Lines of one stream keep their order, whatever their
//! labels; of equal labels, the stream that was named first comes first.
#![forbid(unsafe_code)]

use super::label::Label;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A stream.
pub trait Source {
    /// The label of the present line; `None` if there is none.
    fn label(&self) -> Option<Label>;
    /// Goes to the next line.
    fn advance(&mut self);
}

/// The streams as one.
#[derive(Debug)]
pub struct Merge<S> {
    sources: Vec<S>,
    /// Those with a line, by its label. The one that was shown last is not among them.
    waiting: BinaryHeap<Reverse<(Label, usize)>>,
    shown: Option<usize>,
}

impl<S: Source> Merge<S> {
    /// No stream yet.
    pub const fn new() -> Self {
        Self { sources: Vec::new(), waiting: BinaryHeap::new(), shown: None }
    }

    /// Adds a stream that stands before its first line, and returns its number, which counts from 0.
    pub fn add(&mut self, source: S) -> usize {
        let number = self.sources.len();
        self.sources.push(source);
        self.wake(number);
        number
    }

    /// A stream that had ended may have more.
    pub fn wake(&mut self, number: usize) {
        let is_idle = self.shown != Some(number);
        let Some(source) = self.sources.get_mut(number).filter(|source| source.label().is_none()) else {
            return;
        };
        if is_idle {
            source.advance();
            self.waiting.extend(source.label().map(|label| Reverse((label, number))));
        }
    }

    /// The stream whose present line is next, and its number.
    pub fn next(&mut self) -> Option<(usize, &S)> {
        if let Some(number) = self.shown.take() {
            let source = self.sources.get_mut(number)?;
            source.advance();
            let next = source.label().map(|label| Reverse((label, number)));
            // Mostly the same stream goes on.
            if next.is_some() && self.waiting.peek() < next.as_ref() {
                self.shown = Some(number);
                return self.sources.get(number).map(|source| (number, source));
            }
            self.waiting.extend(next);
        }
        let Reverse((_, number)) = self.waiting.pop()?;
        self.shown = Some(number);
        self.sources.get(number).map(|source| (number, source))
    }

    /// The streams.
    pub fn sources(&self) -> &[S] {
        &self.sources
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::lines::tests::{Files, at};
    use super::super::lines::{Lines, Tail};
    use super::super::wanted::Wanted;
    use super::*;

    /// The same pseudo-random numbers in each run.
    pub(crate) struct Dice(pub u64);

    impl Dice {
        pub(crate) fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).unwrap() % bound
        }
    }

    /// Deals lines with rising labels, some of them equal, to streams, each cut into files at any byte.
    fn deal(dice: &mut Dice, streams: usize, count: usize) -> Vec<(usize, String)> {
        let mut moment = 0;
        let mut all: Vec<(usize, usize, String)> = (0..count)
            .map(|n| {
                moment += dice.below(3);
                (moment, dice.below(streams), at(moment, &format!("line {n} {}", "y".repeat(dice.below(40)))))
            })
            .collect();
        all.sort_by_key(|(moment, stream, _)| (*moment, *stream));
        all.into_iter().map(|(_, stream, line)| (stream, line)).collect()
    }

    #[test]
    fn o3_any_interleaving_comes_out_in_the_order_of_time() {
        for seed in 0..200 {
            let mut dice = Dice(seed);
            let streams = 1 + dice.below(6);
            let count = dice.below(120);
            let expected = deal(&mut dice, streams, count);
            let mut merge = Merge::new();
            for stream in 0..streams {
                let own = expected.iter().filter(|(owner, _)| *owner == stream);
                let mut bytes: Vec<u8> = own.flat_map(|(_, line)| format!("{line}\n").into_bytes()).collect();
                let mut files = Vec::new();
                while !bytes.is_empty() {
                    let rest = bytes.split_off(1 + dice.below(bytes.len()));
                    files.push(bytes);
                    bytes = rest;
                }
                let files = Files(files.into(), 1 + dice.below(60));
                assert_eq!(merge.add(Lines::new(files, Wanted::default(), Tail::Shown)), stream);
            }
            let mut merged = Vec::new();
            while let Some((stream, lines)) = merge.next() {
                merged.push((stream, String::from_utf8_lossy(lines.line()).into_owned()));
            }
            assert_eq!(merged, expected, "seed {seed}");
        }
    }

    #[test]
    fn a_stream_that_had_ended_goes_on() {
        struct Numbers(Vec<u8>, Option<u8>);
        impl Source for Numbers {
            fn label(&self) -> Option<Label> {
                self.1.map(|number| [number; 25])
            }
            fn advance(&mut self) {
                self.1 = self.0.pop();
            }
        }
        let mut merge = Merge::new();
        merge.add(Numbers(vec![3, 1], None));
        merge.add(Numbers(vec![], None));
        let drain = |merge: &mut Merge<Numbers>| {
            let mut seen = Vec::new();
            while let Some((number, source)) = merge.next() {
                seen.push((number, source.1.unwrap()));
            }
            seen
        };
        assert_eq!(drain(&mut merge), [(0, 1), (0, 3)]);
        merge.sources[1].0 = vec![2];
        merge.sources[0].0 = vec![5];
        (0..2).for_each(|number| merge.wake(number));
        merge.wake(1);
        assert_eq!(drain(&mut merge), [(1, 2), (0, 5)]);
        assert_eq!(drain(&mut merge), []);
    }
}
