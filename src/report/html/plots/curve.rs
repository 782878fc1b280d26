//! Sockets in CLOSE-WAIT, and in FIN-WAIT-2 beside them, as `netstat` would have counted them over time.

use std::fmt::Write as _;

use super::{Canvas, LEFT, RIGHT};
use crate::report::text::number;
use crate::report::{Curve, CurvePoint, Style, Time};

const TOP: f64 = 22.0;
const BOTTOM: f64 = 180.0;

pub(super) fn draw(curve: &Curve, end: Option<Time>, style: &Style) -> Option<String> {
    let (first, last) = (curve.points.first()?.time, curve.points.last()?.time);
    // What was left goes on to the end of the capture.
    let last = end.filter(|end| end.0 > last.0).unwrap_or(last);
    let (from, upto) = (ns(&first), ns(&last));
    let x = |time: &Time| {
        let part = (ns(time) - from) / (upto - from).max(1.0);
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    };
    let fin_wait = curve.points.iter().map(|point| point.fin_wait_2).max().unwrap_or(0);
    let most = curve.peak.close_wait.max(fin_wait).max(curve.limit.unwrap_or(0)).max(1);
    let y = |count: u64| BOTTOM - count as f64 / most as f64 * (BOTTOM - TOP);

    let peak = format!("{} at {}", number(curve.peak.close_wait), style.day_and_time(&curve.peak.time));
    let growth = curve.growth_per_hour.map_or(String::new(), |growth| format!(", {growth:.1} more per hour"));
    let mut canvas = Canvas::new(
        206.0,
        &format!("Sockets in CLOSE-WAIT at {} over time: at most {peak}{growth}", curve.place),
    );
    let to_the_end = format!("H{:.1}", x(&last));
    let mut marks = vec![0, most.div_ceil(2), most];
    marks.dedup();
    for count in marks {
        canvas.line("grid", (LEFT, y(count)), (RIGHT, y(count)));
        canvas.say("axis left", LEFT - 8.0, y(count) + 4.0, &number(count));
    }
    if fin_wait > 0 {
        canvas.path("fin-wait", &(steps(&curve.points, &x, &y, |point| point.fin_wait_2) + &to_the_end));
        canvas.say("axis left", RIGHT, 12.0, "line: CLOSE-WAIT; dashed: FIN-WAIT-2");
    }
    let line = steps(&curve.points, &x, &y, |point| point.close_wait) + &to_the_end;
    canvas.path("under", &format!("{line}V{BOTTOM:.1}H{:.1}z", x(&first)));
    canvas.path("close-wait", &line);
    if let Some(limit) = curve.limit {
        canvas.line("limit", (LEFT, y(limit)), (RIGHT, y(limit)));
        canvas.say("axis left", RIGHT, y(limit) - 5.0, &format!("limit {}", number(limit)));
    }
    canvas.say("axis", LEFT, 200.0, &style.day_and_time(&first));
    canvas.say("axis left", RIGHT, 200.0, &style.day_and_time(&last));
    Some(canvas.done())
}

/// A line that keeps each count until the next.
fn steps(
    points: &[CurvePoint],
    x: &dyn Fn(&Time) -> f64,
    y: &dyn Fn(u64) -> f64,
    count: fn(&CurvePoint) -> u64,
) -> String {
    let mut d = String::new();
    for (at, point) in points.iter().enumerate() {
        let (x, y) = (x(&point.time), y(count(point)));
        let _ = if at == 0 { write!(d, "M{x:.1} {y:.1}") } else { write!(d, "H{x:.1}V{y:.1}") };
    }
    d
}

fn ns(time: &Time) -> f64 {
    time.0.0 as f64
}
