//! Plots in SVG, one per kind of [`Drawing`]: sockets waiting over time, silences on a logarithmic axis, hosts and
//! who waits for whom. Each tells itself in words as well.

mod curve;
mod graph;
mod timer;

use std::fmt::Write as _;

use super::text;
use crate::report::{Drawing, Style, Time};

const WIDTH: f64 = 720.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 700.0;

/// The drawing as markup; nothing where there is nothing to draw. What lasts, lasts to the capture's `end`.
pub(super) fn plot(drawing: &Drawing, end: Option<Time>, style: &Style) -> String {
    let figure = match drawing {
        Drawing::Curve(curve) => curve::draw(curve, end, style),
        Drawing::TimerInterval(interval) => timer::draw(interval),
        Drawing::Graph(graph) => graph::draw(graph),
    };
    figure.unwrap_or_default()
}

/// A figure in the making: what it shows in words, and an SVG.
struct Canvas(String);

impl Canvas {
    fn new(height: f64, words: &str) -> Canvas {
        let words = text(words);
        Canvas(format!(
            "<figure>\n<figcaption>{words}</figcaption>\n\
             <div class=\"scroll\" role=\"region\" aria-label=\"Plot: {words}\" tabindex=\"0\">\n\
             <svg viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
             aria-label=\"{words}\">\n"
        ))
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        self.path(class, &format!("M{:.1} {:.1}L{:.1} {:.1}", from.0, from.1, to.0, to.1));
    }

    fn path(&mut self, class: &str, d: &str) {
        let _ = writeln!(self.0, "<path class=\"{class}\" d=\"{d}\"/>");
    }

    fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        let _ = writeln!(
            self.0,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    }

    fn dot(&mut self, class: &str, x: f64, y: f64) {
        let _ = writeln!(self.0, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>");
    }

    fn cross(&mut self, class: &str, x: f64, y: f64) {
        self.path(class, &format!("M{:.1} {:.1}l8 8m-8 0l8 -8", x - 4.0, y - 4.0));
    }

    fn say(&mut self, class: &str, x: f64, y: f64, words: &str) {
        let _ = writeln!(self.0, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", text(words));
    }

    fn done(self) -> String {
        self.0 + "</svg>\n</div>\n</figure>\n"
    }
}

#[cfg(test)]
mod tests;
