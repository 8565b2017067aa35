//! Where the last lines begin: reads logs from their ends, and no further than it must.
#![forbid(unsafe_code)]

use super::label::{self, Label};
use super::lines::{LONGEST, Tail};
use super::wanted::Wanted;
use memchr::{memchr, memrchr};
use std::collections::{BinaryHeap, VecDeque};

/// How far before a line without a label one is looked for.
const FAR: usize = 1 << 20;

/// How much is read at once.
const BLOCK: u64 = 32 * 1024;

/// A place in a log: the number of a file, oldest first, and an offset in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number of the file.
    pub file: usize,
    /// The offset in it.
    pub offset: u64,
}

/// The files of a log, which can be read anywhere.
pub trait Blocks {
    /// How long each file is, oldest first.
    fn sizes(&self) -> Vec<u64>;
    /// The bytes of a file from an offset on; fewer than `length`, or none, if it does not have them (any more).
    fn read_at(&mut self, place: Place, length: usize) -> Vec<u8>;
}

/// The lines of a log, last one first.
#[derive(Debug)]
pub struct Backward<B> {
    blocks: B,
    sizes: Vec<u64>,
    wanted: Wanted,
    /// Where what is in the buffer begins.
    place: Place,
    /// What was read and not yet looked at; at its end is the end of a line.
    buffer: Vec<u8>,
    /// Whether the end of the log was not looked at yet.
    is_fresh: bool,
    tail: Tail,
    /// Where lines begin that are wanted if their moment is, which is that of a line before; last one first.
    unsettled: Vec<Place>,
    /// How long these are, and what was looked at since.
    length: usize,
    /// Where those begin of which the moment is known, last one first; the present one is not among them.
    settled: VecDeque<Place>,
    /// Where the present line begins, and its label, or that of the line before.
    line: Option<Place>,
    label: Label,
    /// Where the lines begin that were asked for so far.
    start: Start,
}

/// Where lines begin, and the label of the first one if it has none of its own.
pub type Start = (Place, Label);

impl<B: Blocks> Backward<B> {
    /// Stands at the end.
    pub fn new(blocks: B, wanted: Wanted, tail: Tail) -> Self {
        let sizes = blocks.sizes();
        let file = sizes.len().saturating_sub(1);
        let place = Place { file, offset: sizes.last().copied().unwrap_or(0) };
        Self {
            blocks,
            sizes,
            wanted,
            place,
            buffer: Vec::new(),
            is_fresh: true,
            tail,
            unsettled: Vec::new(),
            length: 0,
            settled: VecDeque::new(),
            line: None,
            label: label::NONE,
            start: (place, label::NONE),
        }
    }

    /// Goes to the line before that is wanted, and says whether there is one.
    fn advance(&mut self) -> bool {
        while self.settled.is_empty() && self.step() {}
        if self.settled.is_empty() {
            self.settle(label::NONE);
        }
        self.line = self.settled.pop_front();
        self.line.is_some()
    }

    /// Looks at the line before, and says whether there is one.
    fn step(&mut self) -> bool {
        loop {
            let body = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
            let newline = memrchr(b'\n', body);
            if newline.is_none() {
                if self.place.offset > 0 && self.buffer.len() < LONGEST {
                    self.read_block();
                    continue;
                }
                if self.place.offset == 0 && !self.begins_with_line() {
                    let Some(file) = self.place.file.checked_sub(1) else { return false };
                    self.place = Place { file, offset: self.sizes.get(file).copied().unwrap_or(0) };
                    continue;
                }
            }
            self.take(newline.map_or(0, |newline| newline + 1));
            return true;
        }
    }

    /// Whether the buffer, which begins where a file does, is a line: not if it is empty, and not if it is the end of a
    /// line that was cut in two by the size of files.
    fn begins_with_line(&mut self) -> bool {
        if self.buffer.is_empty() || self.place.file == 0 || label::of(&self.buffer).is_some() {
            return !self.buffer.is_empty();
        }
        let before = self.place.file - 1;
        let last = self.sizes.get(before).and_then(|size| size.checked_sub(1));
        last.is_none_or(|offset| self.blocks.read_at(Place { file: before, offset }, 1) == b"\n")
    }

    /// Puts what stands before the buffer in front of it.
    fn read_block(&mut self) {
        let offset = self.place.offset.saturating_sub(BLOCK);
        let length = usize::try_from(self.place.offset - offset).unwrap_or(0);
        let place = Place { offset, ..self.place };
        let block = self.blocks.read_at(place, length);
        if block.len() == length {
            self.buffer.splice(..0, block);
            self.place = place;
            let is_free = !self.is_fresh && self.unsettled.is_empty();
            if is_free && self.wanted.first_candidate(&self.buffer).is_none() {
                // None of these lines is wanted; the first one may have begun before.
                let first = memchr(b'\n', &self.buffer).map_or(self.buffer.len(), |newline| newline + 1);
                self.buffer.truncate(first);
            }
        } else {
            // The file was removed meanwhile, and so were those before it.
            self.buffer.clear();
            self.place = Place::default();
        }
    }

    /// Takes the line from the buffer that begins there.
    fn take(&mut self, begins: usize) {
        let is_ended = self.buffer.ends_with(b"\n");
        let line = self.buffer.get(begins..).unwrap_or_default();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let place = Place { offset: self.place.offset + u64::try_from(begins).unwrap_or(0), ..self.place };
        let is_held = std::mem::take(&mut self.is_fresh) && self.tail == Tail::Held && !is_ended;
        if is_held {
            self.start = (place, label::NONE);
        } else if self.wanted.accepts_text(line) {
            self.unsettled.push(place);
        }
        if !self.unsettled.is_empty() {
            self.length += line.len();
        }
        match label::of(line).copied() {
            Some(label) if !is_held => self.settle(label),
            None if self.length >= FAR => self.settle(label::NONE),
            _ => {}
        }
        self.buffer.truncate(begins);
    }

    /// Knows now what the moment of lines is.
    fn settle(&mut self, label: Label) {
        if self.wanted.accepts_moment(&label) {
            self.settled.extend(self.unsettled.iter());
        }
        self.unsettled.clear();
        self.length = 0;
        self.label = label;
    }
}

/// Where the last `count` lines of all `logs` together begin in each of them.
pub fn starts<B: Blocks>(mut logs: Vec<Backward<B>>, count: usize) -> Vec<Start> {
    let mut latest: BinaryHeap<(Label, usize)> = BinaryHeap::new();
    if count > 0 {
        for (number, log) in logs.iter_mut().enumerate() {
            if log.advance() {
                latest.push((log.label, number));
                log.start.1 = log.label;
            }
        }
    }
    for _ in 0..count {
        let Some((_, number)) = latest.pop() else { break };
        let Some(log) = logs.get_mut(number) else { break };
        log.start = log.line.map_or(log.start, |line| (line, log.label));
        if log.advance() {
            latest.push((log.label, number));
        }
    }
    logs.into_iter().map(|log| log.start).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lines::Lines;
    use super::super::lines::tests::{Files, at};
    use super::super::merge::Merge;
    use super::super::merge::tests::Dice;
    use super::*;

    impl Blocks for Vec<Vec<u8>> {
        fn sizes(&self) -> Vec<u64> {
            self.iter().map(|file| u64::try_from(file.len()).unwrap()).collect()
        }

        fn read_at(&mut self, place: Place, length: usize) -> Vec<u8> {
            let offset = usize::try_from(place.offset).unwrap();
            self[place.file][offset..offset + length].to_vec()
        }
    }

    fn from(mut files: Vec<Vec<u8>>, place: Place) -> Files {
        let mut rest = files.split_off(place.file);
        if let Some(first) = rest.first_mut() {
            first.drain(..usize::try_from(place.offset).unwrap());
        }
        Files(rest.into(), 1000)
    }

    /// The lines, each behind its label, or that of the line before.
    fn merged(logs: &[Vec<Vec<u8>>], starts: &[Start], wanted: &Wanted) -> Vec<String> {
        let mut merge = Merge::new();
        for (files, (place, label)) in logs.iter().zip(starts) {
            let lines = Lines::new(from(files.clone(), *place), wanted.clone(), Tail::Shown);
            merge.add(lines.behind(*label));
        }
        let mut lines = Vec::new();
        while let Some((_, line)) = merge.next() {
            let label = String::from_utf8_lossy(line.label());
            lines.push(format!("{label} {}", String::from_utf8_lossy(line.line())));
        }
        lines
    }

    #[test]
    fn the_last_lines_are_the_end_of_all_lines() {
        for seed in 0..40 {
            let mut dice = Dice(seed);
            let streams = 1 + dice.below(4);
            let mut logs = vec![vec![Vec::new()]; streams];
            for n in 0..dice.below(200) {
                // Now and then a line that is longer than a block.
                let length = if dice.below(50) == 0 { 70_000 } else { dice.below(60) };
                let line = format!("wfid=w{} {}\n", n % 3, "y".repeat(length));
                let line = if dice.below(4) == 0 { line } else { at(n, &line) };
                let files = &mut logs[dice.below(streams)];
                let cut = dice.below(line.len());
                if dice.below(5) == 0 {
                    let last = files.len() - 1;
                    files[last].extend_from_slice(&line.as_bytes()[..cut]);
                    files.push(line.as_bytes()[cut..].to_vec());
                } else {
                    files.last_mut().unwrap().extend_from_slice(line.as_bytes());
                }
            }
            let since = label::of(at(dice.below(100), "").as_bytes()).copied();
            let wanted = [Wanted::default(), Wanted::default().with_process(b"w1")];
            for wanted in
                wanted.into_iter().chain([Wanted::new(since), Wanted::new(since).with_process(b"w1")])
            {
                let all = merged(&logs, &vec![(Place::default(), label::NONE); streams], &wanted);
                for count in [0, 1, 2, 10, 1000] {
                    let backward = logs
                        .iter()
                        .map(|log| Backward::new(log.clone(), wanted.clone(), Tail::Shown))
                        .collect();
                    let last = merged(&logs, &starts(backward, count), &wanted);
                    assert_eq!(last, all[all.len().saturating_sub(count)..], "seed {seed} count {count}");
                }
            }
        }
    }

    #[test]
    fn no_more_is_read_than_must_be() {
        struct Counting(Vec<Vec<u8>>, std::rc::Rc<std::cell::Cell<usize>>);
        impl Blocks for Counting {
            fn sizes(&self) -> Vec<u64> {
                self.0.sizes()
            }
            fn read_at(&mut self, place: Place, length: usize) -> Vec<u8> {
                self.1.set(self.1.get() + length);
                self.0.read_at(place, length)
            }
        }
        let file: Vec<u8> = (0..20_000).flat_map(|n| at(n, "x\n").into_bytes()).collect();
        let count = std::rc::Rc::default();
        let log = Counting(vec![file.clone(), file.clone()], std::rc::Rc::clone(&count));
        let places = starts(vec![Backward::new(log, Wanted::default(), Tail::Shown)], 10);
        let offset = u64::try_from(file.len()).unwrap() - 10 * 28;
        assert_eq!(places[0].0, Place { file: 1, offset });
        assert!(count.get() <= 40_000, "{}", count.get());
    }

    #[test]
    fn a_line_that_is_not_complete_is_left_to_come() {
        let log = vec![b"a\nb\nc".to_vec()];
        let place = |tail, count| {
            starts(vec![Backward::new(log.clone(), Wanted::default(), tail)], count)[0].0.offset
        };
        assert_eq!((place(Tail::Held, 1), place(Tail::Shown, 1)), (2, 4));
    }
}
