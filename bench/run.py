"""Runs rows and reports them: a table for people, JSON for machines. Called by script/bench."""

import argparse
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def find_rows():
    """{number: executable}, in order of the numbers."""
    found = {int(m[1]): path for path in HERE.glob("*/row*") if (m := re.fullmatch(r"row(\d+)", path.name))}
    return dict(sorted(found.items()))


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return {"cores": len(os.sched_getaffinity(0)), "cpu": cpu[1] if cpu else platform.processor(),
            "memory_gib": round(int(memory[1]) / 2**20, 1), "kernel": platform.release(),
            "load_at_start": round(os.getloadavg()[0], 2)}


def is_met(goal, ours, ratio):
    reached = ratio if goal["of"] == "ratio" else ours
    return reached is not None and reached <= goal["at_most"]


def judge(row, measured, facts, quick):
    """Medians, ratio and verdict of one line that a row printed."""
    ours = statistics.median(measured["ours"])
    yardstick = statistics.median(measured["yardstick"]) if measured["yardstick"] else None
    ratio = ours / yardstick if yardstick else None
    goals = measured["goals"]
    return {"row": row, "name": measured["name"], "ours": ours, "yardstick": yardstick, "against": measured["against"],
            "ratio": ratio, "goal": goals, "met": all(is_met(g, ours, ratio) for g in goals) if goals else None,
            "unit": measured["unit"], "runs": len(measured["ours"]), "quick": quick,
            "samples": {"ours": measured["ours"], "yardstick": measured["yardstick"]},
            "facts": measured["facts"], "machine": facts}


def run_row(row, program, quick):
    print(f"row {row}: {program.parent.name}", file=sys.stderr, flush=True)
    facts = machine()
    done = subprocess.run([str(program), *(["--quick"] if quick else [])], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: row {row} ended with {done.returncode}")
    results = [judge(row, json.loads(line), facts, quick) for line in done.stdout.splitlines()]
    if not results:
        raise SystemExit(f"bench: row {row} printed nothing")
    return results


def figure(number, unit=""):
    if number is None:
        return "-"
    if unit == "B":
        return f"{number / 1024:.1f} KiB"
    if unit == "s" and number < 0.1:
        return f"{number * 1000:.3g} ms"
    return f"{number:.3g} {unit}".rstrip()


def goal_text(result):
    texts = [f"<= {goal['at_most']:g}x" if goal["of"] == "ratio" else f"<= {figure(goal['at_most'], result['unit'])}"
             for goal in result["goal"]]
    return ", ".join(texts) or "-"


def table(results):
    rows = [("row", "what", "ours", "yardstick", "ratio", "goal", "met")]
    for r in results:
        met = {None: "-", True: "yes", False: "NO"}[r["met"]]
        ratio = "-" if r["ratio"] is None else f"{r['ratio']:.2f}x"
        rows.append((str(r["row"]), r["name"], figure(r["ours"], r["unit"]),
                     figure(r["yardstick"], r["unit"]), ratio, goal_text(r), met))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    legend = [f"  {r['row']} {r['name']}: against {r['against']}" for r in results if r["against"]]
    return "\n".join([*lines, "", *legend])


def choose(wanted, known):
    if not wanted:
        return list(known)
    rows = [int(row) for row in wanted.split(",")]
    missing = [str(row) for row in rows if row not in known]
    if missing:
        raise SystemExit(f"bench: no program for row {', '.join(missing)}; there are {', '.join(map(str, known))}")
    return rows


def main():
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--rows", default="", help="which, such as 4,9,10; all if not given")
    parser.add_argument("--out", help="where the JSON goes; stdout if not given, the table to stderr then")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run: do they still work?")
    options = parser.parse_args()
    programs = find_rows()
    results = []
    for row in choose(options.rows, programs):
        results += run_row(row, programs[row], options.quick)
    text = json.dumps(results, indent=2)
    if options.out:
        pathlib.Path(options.out).write_text(text + "\n")
    else:
        print(text)
    print(table(results), file=sys.stdout if options.out else sys.stderr)
    if options.quick:
        print("quick: nothing of this is a measurement", file=sys.stderr)


if __name__ == "__main__":
    main()
