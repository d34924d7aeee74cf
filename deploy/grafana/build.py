#!/usr/bin/env python3
#
# Makes the dashboards of this directory, with Grafana's own Foundation SDK:
#
#     ./build.sh             writes *.json here
#     ./build.sh --check     compares them with what would be written
#     ./build.sh --dir DIR   writes them there
#
# build.sh runs this file in a virtual environment with the SDK's version of
# requirements.txt.
#
# No panel names a data source: $datasource, $loki, $tempo and $jaeger are
# chosen at the top of each dashboard.  A panel has a unit and a description,
# t/dashboards.t sends every expression to a real Prometheus, and compares the
# values of many with sessions whose truth is known.

import argparse
import json
import pathlib
import sys

from grafana_foundation_sdk.builders import (
    common, dashboard, logs, loki, prometheus, stat, table, tempo,
    timeseries)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync, DashboardLinkType, DataSourceRef,
    DataTransformerConfig, DynamicConfigValue, FieldColorModeId, Threshold,
    ThresholdsMode, VariableOption, VariableRefresh, VariableSort)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

# The goals of deploy/prometheus/alerts.yml, as shares of plays or views.
GOALS = {"start_failures": 0.005, "slow_startups": 0.05,
         "rebuffered_views": 0.03}

# Prometheus 2 writes the bound 4 as "4", Prometheus 3 as "4.0".
FOUR = 'le=~"4|4[.]0"'

FAILED = 'outcome=~"startup_failure|playback_failure"'


def source(kind, name):
    return DataSourceRef(type_val=kind, uid="${" + name + "}")


PROMETHEUS = source("prometheus", "datasource")
LOKI = source("loki", "loki")


# --- variables --------------------------------------------------------------

def choose_source(name, label, kind):
    return dashboard.DatasourceVariable(name).label(label).type(kind)


def choose(name, label, metric, text, among=""):
    """One or more values of a label, or all: also views without the label."""
    selector = "{%s}" % among if among else ""
    everything = VariableOption(selected=True, text=["All"], value=["$__all"])
    return (dashboard.QueryVariable(name).label(label).description(text)
            .datasource(PROMETHEUS)
            .query({"query": f"label_values({metric}{selector}, {name})",
                    "refId": name})
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(True).include_all(True).all_value(".*")
            .current(everything))


def write(name, label, text, value=""):
    return (dashboard.TextBoxVariable(name).label(label).description(text)
            .default_value(value)
            .current(VariableOption(text=value, value=value)))


STARTED = "openqoe_views_started_total"
ORG = choose("org_id", "Organisation", STARTED, "The org_id of the events")
VIEWERS = [
    choose_source("datasource", "Metrics", "prometheus"), ORG,
    choose("player_name", "Player", STARTED, "The player's name",
           'org_id=~"$org_id"'),
    choose("device_category", "Device", STARTED, "desktop, mobile, tv, ...",
           'org_id=~"$org_id"'),
    choose("network_country", "Country", STARTED, "The country code",
           'org_id=~"$org_id"'),
]
BY_ORG = 'org_id=~"$org_id"'
BY_VIEWER = (BY_ORG + ', player_name=~"$player_name", '
             'device_category=~"$device_category", '
             'network_country=~"$network_country"')


# --- expressions ------------------------------------------------------------

def series(name, where, more=""):
    return "%s{%s}" % (name, ", ".join(filter(None, [where, more])))


def per(name, by, where, window, more="", how="increase"):
    """What a counter grew by, summed up over all labels but those of by."""
    by = f" by ({by})" if by else ""
    return f"sum{by} ({how}({series(name, where, more)}[{window}]))"


def quantile(q, name, by, where, window):
    by = "le, " + by if by else "le"
    return (f"histogram_quantile({q}, "
            + per(name + "_bucket", by, where, window, how="rate") + ")")


def mean(name, by, where, window, more=""):
    return (per(name + "_sum", by, where, window, more) + " / "
            + per(name + "_count", by, where, window, more))


def lately(name, by, where, window):
    """The mean of a gauge that is absent while nothing is observed."""
    by = f" by ({by})" if by else ""
    return f"avg{by} (avg_over_time({series(name, where)}[{window}]))"


def share_over(name, bound, by, where, window):
    """The share of a histogram's values that are over a bound."""
    return ("1 - " + per(name + "_bucket", by, where, window, bound) + " / "
            + per(name + "_count", by, where, window))


def attempts(by, where, window):
    """Plays that were to start: a first frame, or a failure before it."""
    by = f" by ({by})" if by else ""
    failed = 'outcome="startup_failure"'
    return (f"sum{by} (increase({series(STARTED, where)}[{window}])"
            f" or increase({series('openqoe_views_total', where, failed)}"
            f"[{window}]))")


def or_zero(some, all_):
    """Nothing has happened where there is no series, but something could."""
    return f"({some} or 0 * {all_})"


def ended_by(outcome, by, where, window):
    """The share of views that are over with such an outcome."""
    total = per("openqoe_views_total", by, where, window)
    some = per("openqoe_views_total", by, where, window, outcome)
    return f"{or_zero(some, total)} / {total}"


# --- panels -----------------------------------------------------------------

def query(expr, legend="", instant=False, ref="A"):
    q = prometheus.Dataquery().expr(expr).ref_id(ref).datasource(PROMETHEUS)
    if legend:
        q.legend_format(legend)
    return q.instant() if instant else q.range()


def steps(levels):
    """[(colour, from)], the first from below."""
    return (dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=at, color=colour)
                    for colour, at in levels]))


def limits(warn, bad):
    return [("green", None), ("yellow", warn), ("red", bad)]


def finish(panel, title, text, unit, width, height, levels, decimals):
    panel.title(title).description(text).unit(unit).span(width).height(height)
    panel.datasource(PROMETHEUS).thresholds(steps(levels or [("green", None)]))
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def number(title, expr, unit, text, levels=None, width=3, decimals=None):
    """One number for the selected time, or for now."""
    panel = (stat.Panel().with_target(query(expr, instant=True))
             .graph_mode(kinds.BigValueGraphMode.NONE)
             .reduce_options(common.ReduceDataOptions().values(False)
                             .calcs(["lastNotNull"])))
    return finish(panel, title, text, unit, width, 4, levels, decimals)


def lines(title, targets, unit, text, levels=None, width=8, stacked=False,
          least=0):
    """Lines over time: [(expression, legend)]."""
    panel = (timeseries.Panel().fill_opacity(10).line_width(1)
             .show_points(kinds.VisibilityMode.AUTO)
             .tooltip(common.VizTooltipOptions()
                      .mode(kinds.TooltipDisplayMode.MULTI)
                      .sort(kinds.SortOrder.DESCENDING))
             .legend(common.VizLegendOptions().show_legend(True)
                     .placement(kinds.LegendPlacement.BOTTOM)
                     .display_mode(kinds.LegendDisplayMode.LIST)))
    for ref, (expr, legend) in zip("ABCDEFGH", targets):
        panel.with_target(query(expr, legend, ref=ref))
    if stacked:
        panel.stacking(common.StackingConfig()
                       .mode(kinds.StackingMode.NORMAL)).fill_opacity(40)
    if levels:
        panel.thresholds_style(common.GraphThresholdsStyleConfig()
                               .mode(kinds.GraphThresholdsStyleMode.DASHED))
    if least is not None:
        panel.min(least)
    return finish(panel, title, text, unit, width, 8, levels, None)


def rows(title, label, columns, text, width=24, unit="short", height=9):
    """A table: a row a value of the label, columns (name, unit, expression,
    levels), the greatest of the first column on top."""
    panel = table.Panel().sort_by([common.TableSortByFieldState()
                                   .display_name(columns[0][0]).desc(True)])
    names, order = {label: label}, {label: 0}
    for at, (ref, (name, kind, expr, levels)) in enumerate(
            zip("ABCDEFGH", columns), start=1):
        panel.with_target(query(expr, instant=True, ref=ref)
                          .format(PromQueryFormat.TABLE))
        names[f"Value #{ref}"] = name
        order[f"Value #{ref}"] = at
        properties = [DynamicConfigValue(id_val="unit", value=kind)]
        if levels:
            properties += [
                DynamicConfigValue(id_val="thresholds",
                                   value=steps(levels).build()),
                DynamicConfigValue(id_val="custom.cellOptions",
                                   value={"type": "color-text"})]
        panel.override_by_name(name, properties)
    panel.with_transformation(DataTransformerConfig(id_val="merge",
                                                    options={}))
    panel.with_transformation(DataTransformerConfig(
        id_val="organize", options={"excludeByName": {"Time": True},
                                    "indexByName": order,
                                    "renameByName": names}))
    return finish(panel, title, text, unit, width, height, None, None)


def board(uid, title, text, variables, since="now-6h", refresh="30s"):
    b = (dashboard.Dashboard(title).uid(uid).description(text)
         .tags(["openqoe"]).time(since, "now").refresh(refresh)
         .timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
         .link(dashboard.DashboardLink("OpenQoE").icon("external link")
               .type(DashboardLinkType.DASHBOARDS).tags(["openqoe"])
               .as_dropdown(True).keep_time(True).include_vars(True)))
    for variable in variables:
        b.with_variable(variable)
    return b


def fill(b, *sections):
    """[title, panel, ...] each: a row and what stands below."""
    for title, *panels in sections:
        b.with_row(dashboard.Row(title))
        for panel in panels:
            b.with_panel(panel)
    return b


def numbered(board):
    """Grafana tells panels apart by their ids."""
    number = 0
    for panel in board.panels:
        for one in [panel, *(getattr(panel, "panels", None) or [])]:
            number += 1
            one.id_val = number
    return board


# --- the dashboards ---------------------------------------------------------

RANGE, RATE = "$__range", "$__rate_interval"


def overview():
    w, v = BY_VIEWER, "openqoe_views_total"
    startup = "openqoe_video_startup_seconds"
    now = "openqoe_concurrent_views_current"

    def burn(what):
        return (f"max by (org_id) (org:openqoe_{what}:ratio1h{{{BY_ORG}}})"
                f" / {GOALS[what]}")

    def line(label):
        return [
            ("plays", "short", per(STARTED, label, w, RANGE), None),
            ("startup p95", "s", quantile(0.95, startup, label, w, RANGE),
             limits(2, 4)),
            ("startup over 4 s", "percentunit",
             share_over(startup, FOUR, label, w, RANGE), limits(0.02, 0.05)),
            ("rebuffering", "percentunit",
             mean("openqoe_rebuffer_ratio", label, w, RANGE),
             limits(0.005, 0.01)),
            ("failed", "percentunit", ended_by(FAILED, label, w, RANGE),
             limits(0.005, 0.02)),
            ("left before start", "percentunit",
             ended_by('outcome="exit_before_start"', label, w, RANGE),
             limits(0.05, 0.1)),
        ]

    b = board("openqoe-overview", "OpenQoE / Overview",
              "How many watch, how it starts, how it stalls, how it ends.",
              VIEWERS)
    return fill(
        b,
        ["At a glance",
         number("Watching now", f"sum({series(now, w)})", "short",
                "Views that start, play or stall at this moment."),
         number("Plays", per(STARTED, "", w, RANGE), "short",
                "Views that showed a first frame in the selected time."),
         number("Startup, median",
                quantile(0.5, startup, "", w, RANGE), "s",
                "From the wish to play to the first frame: half of the plays "
                "waited less.", limits(1.5, 3), decimals=2),
         number("Startup, p95",
                quantile(0.95, startup, "", w, RANGE), "s",
                "From the wish to play to the first frame: one play of twenty "
                "waited longer.", limits(3, 5), decimals=2),
         number("Startups over 4 s",
                share_over(startup, FOUR, "", w, RANGE), "percentunit",
                "The share of plays that waited more than 4 s for the first "
                "frame. The goal of the alert is 5 %.", limits(0.025, 0.05)),
         number("Rebuffering", mean("openqoe_rebuffer_ratio", "", w, RANGE),
                "percentunit",
                "The share of their time that viewers waited after the first "
                "frame: the mean of all views that ended.",
                limits(0.005, 0.01)),
         number("Failed starts", or_zero(
                    per(v, "", w, RANGE, 'outcome="startup_failure"'),
                    attempts("", w, RANGE))
                + " / " + attempts("", w, RANGE), "percentunit",
                "The share of plays that failed before a first frame. The "
                "goal of the alert is 0.5 %.", limits(0.0025, 0.005)),
         number("Left before start",
                ended_by('outcome="exit_before_start"', "", w, RANGE),
                "percentunit",
                "The share of all ended views whose viewer left without an "
                "error before a first frame.", limits(0.05, 0.1)),
         number("Views that stall",
                share_over("openqoe_rebuffer_ratio", 'le="0.01"', "", w,
                           RANGE), "percentunit",
                "The share of ended views that waited for more than 1 % of "
                "their time. The goal of the alert is 3 %.",
                limits(0.015, 0.03)),
         number("Failed later",
                ended_by('outcome="playback_failure"', "", w, RANGE),
                "percentunit",
                "The share of all ended views that an error ended after the "
                "first frame.", limits(0.005, 0.01)),
         number("Watched to the end",
                ended_by('outcome="completed"', "", w, RANGE), "percentunit",
                "The share of all ended views that reached the end of the "
                "video."),
         number("Hours watched",
                "sum(clamp_min(delta("
                + series("openqoe_playing_time_seconds", w)
                + f"[{RANGE}]), 0)) / 3600", "h",
                "The time in which pictures moved, of all views.",
                decimals=1),
         number("Stalls a play",
                per("openqoe_rebuffer_events_total", "", w, RANGE) + " / "
                + per(STARTED, "", w, RANGE), "short",
                "How often a play stopped in the middle, for 250 ms or "
                "longer.", limits(0.2, 0.5), decimals=2),
         number("Viewers today",
                f"sum({series('openqoe_unique_viewers', BY_ORG)})", "short",
                "Different viewers of the current UTC day, an estimate. "
                "Players, devices and countries are not distinguished."),
         number("Experience",
                lately("openqoe_viewer_experience_score", "", w, RANGE),
                "percentunit",
                "The mean score of the views that ended: startup, stalls and "
                "bitrate together, 0 for a view that failed. Groups of views "
                "weigh alike, however many they are.",
                [("red", None), ("yellow", 0.6), ("green", 0.8)]),
         number("Alerts that fire",
                'count(ALERTS{alertname=~"Openqoe.+", alertstate="firing"})'
                " or vector(0)", "short",
                "Alerts of deploy/prometheus/alerts.yml that fire now, of all "
                "organisations and edges.", limits(1, 2))],
        ["Over time",
         lines("Watching now", [(f"sum by (org_id) ({series(now, w)})",
                                 "{{org_id}}")], "short",
               "Views that start, play or stall, by organisation.",
               stacked=True),
         lines("Plays a minute",
               [(f"60 * {per(STARTED, '', w, RATE, how='rate')}", "started"),
                (f"60 * {per(v, '', w, RATE, FAILED, 'rate')}", "failed"),
                ("60 * " + per(v, "", w, RATE, 'outcome="exit_before_start"',
                               "rate"), "left before start")], "short",
               "First frames, failed views and viewers who left before a "
               "first frame."),
         lines("How views end",
               [(f"60 * {per(v, 'outcome', w, RATE, how='rate')}",
                 "{{outcome}}")], "short",
               "Views a minute that are over, by outcome.", stacked=True),
         lines("Startup",
               [(quantile(0.5, startup, "", w, RATE), "half of the plays"),
                (quantile(0.95, startup, "", w, RATE),
                 "the slowest twentieth")], "s",
               "From the wish to play to the first frame.",
               [("transparent", None), ("red", 4)]),
         lines("Rebuffering",
               [(mean("openqoe_rebuffer_ratio", "", w, RATE),
                 "mean share of time"),
                (share_over("openqoe_rebuffer_ratio", 'le="0.01"', "", w,
                            RATE), "views over 1 %")], "percentunit",
               "The share of their time that viewers waited, and the share "
               "of views that waited for more than 1 % of it."),
         lines("Errors",
               [(f"topk(10, {per('openqoe_errors_total', 'error_family, error_code', w, RATE)})",
                 "{{error_family}} {{error_code}}")], "short",
               "Errors that players report, fatal or not: the ten most "
               "frequent. Which of them hurt is in how views end.",
               stacked=True),
         lines("Burn rate over an hour",
               [(burn("start_failures"), "failed starts {{org_id}}"),
                (burn("slow_startups"), "startups over 4 s {{org_id}}"),
                (burn("rebuffered_views"), "over 1 % rebuffering {{org_id}}")],
               "short",
               "How many times the share of the goal is seen: 1 uses up the "
               "allowance, at 2 over 6 hours and at 6 over an hour alerts "
               "fire. Needs deploy/prometheus/rules.yml.",
               [("transparent", None), ("yellow", 2), ("red", 6)], width=12),
         lines("Startups, by length",
               [(f"60 * {per(startup + '_bucket', 'le', w, RATE, how='rate')}",
                 "up to {{le}} s")], "short",
               "Plays a minute whose startup is at most so long; the distance "
               "of two lines is what lies between.", width=12)],
        ["Where it hurts",
         rows("By country", "network_country", line("network_country"),
              "Plays and their quality by country, in the selected time."),
         rows("By device", "device_category", line("device_category"),
              "Plays and their quality by kind of device.", width=12),
         rows("By player", "player_name", line("player_name"),
              "Plays and their quality by player.", width=12)])


def delivery():
    cdn = choose("cdn_provider", "CDN", STARTED, "The CDN that players name",
                 BY_ORG)
    w = BY_VIEWER + ', cdn_provider=~"$cdn_provider"'
    startup = "openqoe_video_startup_seconds"
    stalled = "openqoe_rebuffer_duration_seconds_sum"

    def line(label):
        known = f'{label}!=""'
        plays = per(STARTED, label, w, RANGE, known)
        return [
            ("plays", "short", plays, None),
            ("startup p95", "s",
             quantile(0.95, startup, label, f"{w}, {known}", RANGE),
             limits(2, 4)),
            ("waiting a play", "s",
             or_zero(per(stalled, label, w, RANGE, known), plays)
             + " / " + plays, limits(0.5, 2)),
            ("failed", "percentunit",
             ended_by(FAILED, label, f"{w}, {known}", RANGE),
             limits(0.005, 0.02)),
        ]

    b = board("openqoe-delivery", "OpenQoE / Delivery",
              "Which CDN, network or country is worse than the rest, and what "
              "the network lets through. CDN and ASN need "
              "\"openqoe_dimension cdn_provider allow;\" and "
              "\"openqoe_dimension network_asn allow;\".",
              VIEWERS[:2] + [cdn] + VIEWERS[2:])
    return fill(
        b,
        ["Who is worse",
         rows("By CDN", "cdn_provider", line("cdn_provider"),
              "Plays and their quality by CDN, in the selected time.",
              width=12),
         rows("By network", "network_asn", line("network_asn"),
              "Plays and their quality by the viewers' network (ASN).",
              width=12),
         lines("Times worse than the other CDNs",
               [(f"cdn:openqoe_stall_seconds:worse30m{{{BY_ORG}}}",
                 "waiting {{cdn_provider}} {{org_id}}"),
                (f"cdn:openqoe_failures:worse30m{{{BY_ORG}}}",
                 "failures {{cdn_provider}} {{org_id}}")], "short",
               "Waiting a play and failed views of the last 30 minutes, "
               "divided by those of the organisation's other CDNs. 1 is like "
               "the rest; an alert fires over 3. Needs "
               "deploy/prometheus/rules.yml.",
               [("transparent", None), ("red", 3)], width=12),
         lines("Times worse than the other networks",
               [(f"topk(10, asn:openqoe_stall_seconds:worse30m{{{BY_ORG}}})",
                 "waiting {{network_asn}} {{org_id}}"),
                (f"topk(10, asn:openqoe_failures:worse30m{{{BY_ORG}}})",
                 "failures {{network_asn}} {{org_id}}")], "short",
               "The same by the viewers' network (ASN): the ten worst.",
               [("transparent", None), ("red", 3)], width=12)],
        ["Over time, by CDN",
         lines("Startup, p95",
               [(quantile(0.95, startup, "cdn_provider", w, RATE),
                 "{{cdn_provider}}")], "s",
               "From the wish to play to the first frame, by CDN.",
               [("transparent", None), ("red", 4)]),
         lines("Waiting a play",
               [(per(stalled, "cdn_provider", w, RATE) + " / "
                 + per(STARTED, "cdn_provider", w, RATE),
                 "{{cdn_provider}}")], "s",
               "Seconds of stalls for each play that started, by CDN."),
         lines("Failed views",
               [(ended_by(FAILED, "cdn_provider", w, RATE),
                 "{{cdn_provider}}")], "percentunit",
               "The share of ended views that failed, by CDN.")],
        ["What comes through",
         number("Mean bitrate",
                mean("openqoe_weighted_average_bitrate_bps", "", w, RANGE),
                "bps",
                "What viewers saw, weighted by how long they saw it: the mean "
                "of the views that ended.", width=4),
         number("Time to the first byte",
                lately("openqoe_network_latency_milliseconds", "", w, RANGE),
                "ms", "The mean of the segments that players loaded.",
                limits(200, 800), width=4),
         number("Stall, median",
                quantile(0.5, "openqoe_rebuffer_duration_seconds", "", w,
                         RANGE), "s", "How long a stall lasts.",
                limits(2, 5), width=4, decimals=2),
         number("Stall, p95",
                quantile(0.95, "openqoe_rebuffer_duration_seconds", "", w,
                         RANGE), "s", "How long the longest stalls last.",
                limits(5, 10), width=4, decimals=2),
         number("Buffered ahead",
                quantile(0.5, "openqoe_buffer_length_seconds", "", w, RANGE),
                "s", "How much the players hold, by their heartbeats.",
                [("red", None), ("yellow", 4), ("green", 8)], width=4,
                decimals=1),
         number("Picture enlarged",
                mean("openqoe_upscale_percentage", "", w, RANGE),
                "percentunit",
                "The share of playing in which the picture was smaller than "
                "the player, the mean of the views that ended.", width=4),
         lines("Mean bitrate",
               [(mean("openqoe_weighted_average_bitrate_bps", "cdn_provider",
                      w, RATE), "{{cdn_provider}}")], "bps",
               "What viewers saw, by CDN."),
         lines("Changes of quality",
               [("60 * " + per("openqoe_quality_changes_total",
                               "change_direction", w, RATE, how="rate"),
                 "{{change_direction}}")], "short",
               "Changes of the rendition a minute, by direction.",
               stacked=True),
         lines("Resolution",
               [("60 * " + per("openqoe_resolution_total", "resolution", w,
                               RATE, how="rate"), "{{resolution}}")], "short",
               "Classes of pictures at first frames and changes, a minute.",
               stacked=True),
         lines("Time to the first byte",
               [(lately("openqoe_network_latency_milliseconds",
                        "cdn_provider", w, RATE), "{{cdn_provider}}")], "ms",
               "Of the segments that players load, by CDN."),
         lines("Buffered ahead",
               [(quantile(q, "openqoe_buffer_length_seconds", "", w, RATE),
                 text) for q, text in ((0.5, "half of the samples"),
                                       (0.1, "the lowest tenth"))], "s",
               "How much the players hold."),
         lines("Dropped frames",
               [(per("openqoe_dropped_frames_total", "device_category", w,
                     RATE, how="rate"), "{{device_category}}")], "short",
               "Frames a second that players dropped, by device: a matter of "
               "the device rather than of the network.")])


def titles():
    title = choose("video_title", "Title", STARTED, "The title of the video",
                   BY_ORG)
    w = BY_VIEWER + ', video_title=~"$video_title"'
    startup = "openqoe_video_startup_seconds"
    played = (f"clamp_min(delta({series('openqoe_playing_time_seconds', w)}"
              f"[{RANGE}]), 0)")
    plays = per(STARTED, "video_title", w, RANGE)

    def worst(expr):
        return f"topk(10, {expr})"

    b = board("openqoe-titles", "OpenQoE / Titles",
              "What is watched, how long, and which title has a problem. "
              "Titles beyond the most frequent 100 are in \"other\".",
              VIEWERS[:2] + [title] + VIEWERS[2:], since="now-24h",
              refresh="1m")
    return fill(
        b,
        ["The chosen titles",
         number("Plays", per(STARTED, "", w, RANGE), "short",
                "Views that showed a first frame in the selected time.",
                width=4),
         number("Hours watched", f"sum({played}) / 3600", "h",
                "The time in which pictures moved.", width=4, decimals=1),
         number("Watched to the end",
                ended_by('outcome="completed"', "", w, RANGE), "percentunit",
                "The share of all ended views that reached the end.",
                width=4),
         number("Startup, p95",
                quantile(0.95, startup, "", w, RANGE), "s",
                "From the wish to play to the first frame.", limits(3, 5),
                width=4, decimals=2),
         number("Stalls a play",
                per("openqoe_rebuffer_events_total", "", w, RANGE) + " / "
                + per(STARTED, "", w, RANGE), "short",
                "How often a play stopped in the middle.", limits(0.2, 0.5),
                width=4, decimals=2),
         number("Failed views", ended_by(FAILED, "", w, RANGE), "percentunit",
                "The share of ended views that failed, before or after the "
                "first frame.", limits(0.005, 0.02), width=4)],
        ["All titles",
         rows("Titles", "video_title",
              [("plays", "short", plays, None),
               ("hours", "h", f"sum by (video_title) ({played}) / 3600", None),
               ("to the end", "percentunit",
                ended_by('outcome="completed"', "video_title", w, RANGE),
                None),
               ("startup p95", "s",
                quantile(0.95, startup, "video_title", w, RANGE),
                limits(2, 4)),
               ("stalls a play", "short",
                or_zero(per("openqoe_rebuffer_events_total", "video_title", w,
                            RANGE), plays) + " / " + plays,
                limits(0.2, 0.5)),
               ("failed", "percentunit",
                ended_by(FAILED, "video_title", w, RANGE),
                limits(0.005, 0.02))],
              "Plays and their quality by title, in the selected time.",
              height=14)],
        ["Over time",
         lines("Plays an hour",
               [(worst("3600 * " + per(STARTED, "video_title", w, RATE,
                                       how="rate")), "{{video_title}}")],
               "short", "The ten titles that start most often.", width=12,
               stacked=True),
         lines("Live streams",
               [(worst("sum by (stream_id) ("
                       + series("openqoe_concurrent_views_current", BY_VIEWER,
                                'stream_id!=""') + ")"), "{{stream_id}}")],
               "short",
               "Concurrent views of live streams, the ten largest. The title "
               "above does not choose among them.", width=12),
         lines("Startup, p95",
               [(worst(quantile(0.95, startup, "video_title", w, RATE)),
                 "{{video_title}}")], "s", "The ten slowest titles."),
         lines("Waiting a play",
               [(worst(per("openqoe_rebuffer_duration_seconds_sum",
                           "video_title", w, RATE) + " / "
                       + per(STARTED, "video_title", w, RATE)),
                 "{{video_title}}")], "s",
               "Seconds of stalls for each play: the ten worst titles."),
         lines("Errors",
               [(worst(per("openqoe_errors_total", "video_title, error_code",
                           w, RATE)), "{{video_title}} {{error_code}}")],
               "short", "Errors that players report, fatal or not.")])


def one_view():
    loki_is = choose_source("loki", "Logs", "loki")
    tempo_is = choose_source("tempo", "Traces in Tempo", "tempo")
    jaeger_is = choose_source("jaeger", "Traces in Jaeger", "jaeger")
    service = write("service", "Service",
                    "service.name of the exporter's resource",
                    "openQoE-worker")
    trace = write("trace", "View",
                  "The view_id without its hyphens: the trace id of all that "
                  "is known of a view")
    stream = '{service_name="$service"}'

    def records(title, expr, text, width=24, height=9):
        panel = (logs.Panel().show_time(True).wrap_log_message(True)
                 .enable_log_details(True).prettify_log_message(False)
                 .sort_order(kinds.LogsSortOrder.DESCENDING)
                 .with_target(loki.Dataquery().expr(expr).ref_id("A")
                              .datasource(LOKI).query_type("range")))
        return (panel.title(title).description(text).unit("none")
                .span(width).height(height).datasource(LOKI))

    def picture(title, target, ref, text):
        # the SDK has no builder for the panel of traces
        return (dashboard.Panel().type("traces").with_target(target)
                .title(title).description(text).unit("none").datasource(ref)
                .span(24).height(16))

    tempo_ref, jaeger_ref = source("tempo", "tempo"), source("jaeger",
                                                             "jaeger")
    # Jaeger's query has the members of Tempo's: a trace by its id.
    in_tempo = (tempo.TempoQuery().query_type("traceql").query("$trace")
                .ref_id("A").datasource(tempo_ref))
    in_jaeger = (tempo.TempoQuery().query("$trace").ref_id("A")
                 .datasource(jaeger_ref))

    b = board("openqoe-view", "OpenQoE / One view",
              "What happened to one viewer: the record, the timeline and the "
              "events of a view. Needs exporters with the signals views, "
              "traces and logs to Loki and to Tempo or Jaeger.",
              [loki_is, tempo_is, jaeger_is, service, trace],
              since="now-24h", refresh="")
    fill(
        b,
        ["Find a view",
         records("Views that failed",
                 stream + ' | openqoe_view_final="true" | openqoe_view_outcome'
                 '=~"startup_failure|playback_failure" | line_format '
                 '"{{.trace_id}} {{.openqoe_view_outcome}} {{.error_type}} '
                 '{{.error_code}} {{.video_title}} {{.device_category}} '
                 '{{.network_country}}"',
                 "Records of views that failed. The first word is the id to "
                 "write at the top, as View.", width=12),
         records("Views that waited",
                 stream + ' | openqoe_view_final="true" '
                 '| openqoe_view_stalled_ms > 2000 | line_format '
                 '"{{.trace_id}} waited {{.openqoe_view_stalled_ms}} ms of '
                 '{{.openqoe_view_playing_ms}} {{.video_title}} '
                 '{{.device_category}} {{.network_country}}"',
                 "Records of views that stalled for more than 2 s "
                 "altogether.", width=12)],
        ["The view",
         records("Its record",
                 stream + ' | trace_id="$trace" | openqoe_view_seq > 0',
                 "The record of the view, whose attributes are what the "
                 "module knows of it. The one with the greatest "
                 "openqoe_view_seq holds.", height=6)])
    b.with_panel(picture("Its timeline, in Tempo", in_tempo, tempo_ref,
                         "The trace of the view: startup, playing, stalls, "
                         "seeks, pauses, time hidden, renditions."))
    b.with_panel(records("Its events", stream + ' | trace_id="$trace" '
                         '| event_type!=""',
                         "All events of the view, as the player sent them.",
                         height=12))
    b.with_row(dashboard.Row("With Jaeger").collapsed(True)
               .with_panel(picture("Its timeline, in Jaeger", in_jaeger,
                                   jaeger_ref,
                                   "The same trace, where traces go to a "
                                   "Jaeger.")))
    return b


def module():
    up = "openqoe_queue_capacity_bytes"
    edge = choose("instance", "Edge", up, "The target, or the instance id")
    exporter = choose("exporter", "Exporter", "openqoe_delivery_events",
                      "The name of an openqoe_exporter",
                      'instance=~"$instance"')
    w = 'instance=~"$instance"'
    x = w + ', exporter=~"$exporter"'
    ingest = "openqoe_ingest_events_total"
    events = "openqoe_delivery_events"
    tries = "otel_sdk_exporter_operation_duration_seconds"
    took = "request_processing_time_nanoseconds"
    waits = 'state=~"queued|spooled"'
    dropped = 'state="dropped"'
    good = 'outcome="accepted"'
    bad = 'outcome!="accepted"'
    no_error = 'error_type!=""'

    def of(expr):
        return f"sum by (instance) ({expr})"

    b = board("openqoe-module", "OpenQoE / The module",
              "Whether events come in, wait, get out or are lost, and what "
              "the module costs.",
              [VIEWERS[0], edge, exporter])
    return fill(
        b,
        ["At a glance",
         number("Edges", f"count({series(up, w)})", "short",
                "Instances of nginx with the module that are heard of."),
         number("Events a second", per(ingest, "", w, RATE, good, "rate"),
                "short", "Events that were accepted.", decimals=1),
         number("Refused events",
                or_zero(per(ingest, "", w, RANGE, bad),
                        per(ingest, "", w, RANGE)), "short",
                "Events that were not accepted in the selected time, for "
                "whatever reason.", decimals=0),
         number("Oldest event waits",
                f"max({series('openqoe_queue_oldest_age_seconds', w)})", "s",
                "The age of the oldest event in a queue. An alert fires over "
                "60 s.", limits(10, 60), decimals=1),
         number("Queue",
                f"max({series('openqoe_queue_size_bytes', w)}"
                f" / {series(up, w)})", "percentunit",
                "How full the fullest queue is.", limits(0.25, 0.5)),
         number("Spool",
                f"max({series('openqoe_spool_size_bytes', x)}"
                f" / {series('openqoe_spool_capacity_bytes', x)})",
                "percentunit",
                "How full the fullest spool is. An alert fires over 70 %.",
                limits(0.3, 0.7)),
         number("Events given up",
                f"sum(increase({series(events, x, dropped)}[{RANGE}]))",
                "short",
                "Accepted events that were lost in the selected time.",
                limits(1, 1), decimals=0),
         number("Series", f"max({series('openqoe_series_count', w)})",
                "short", "Live metric series of the edge with most of them.")],
        ["Events in",
         lines("Events a second",
               [(per(ingest, "outcome, reason", w, RATE, how="rate"),
                 "{{outcome}} {{reason}}")], "short",
               "Events of requests by what became of them.", stacked=True),
         lines("Time to answer",
               [(quantile(q, took, "", w, RATE), text)
                for q, text in ((0.5, "half of the requests"),
                                (0.99, "the slowest hundredth"))], "ns",
               "From the receipt of a request to its answer."),
         lines("Requests that wait",
               [(f"sum by (reason) ({series('openqoe_ingest_waiting', w)})",
                 "{{reason}}")], "short",
               "For room in the queue, or to be acknowledged."),
         lines("Requests by status",
               [(per(took + "_count", "http_response_status_code", w, RATE,
                     how="rate"), "{{http_response_status_code}}")], "short",
               "Answered requests a second.", stacked=True),
         lines("Undecoded and delayed requests",
               [(per("openqoe_ingest_undecoded_total", "", w, RATE,
                     how="rate"), "refused undecoded"),
                (per("openqoe_ingest_delayed_total", "", w, RATE,
                     how="rate"), "delayed")], "short",
               "Requests a second that found the queue full."),
         lines("Queue",
               [(of(series("openqoe_queue_size_bytes", w)), "{{instance}}")],
               "bytes", "Bytes of events that wait in shared memory.")],
        ["Events out",
         lines("Events that wait",
               [(f"sum by (instance, exporter, state) "
                 f"({series(events, x, waits)})",
                 "{{instance}} {{exporter}} {{state}}")], "short",
               "Accepted events that are not exported yet, in the queue and "
               "in the spool.", stacked=True),
         lines("Exported events a second",
               [(f"sum by (instance, exporter) (rate("
                 + series(events, x, 'state="exported"') + f"[{RATE}]))",
                 "{{instance}} {{exporter}}")], "short",
               "Events that a collector took."),
         lines("Events given up",
               [(f"sum by (exporter, reason) (increase("
                 + series(events, x, dropped) + f"[{RATE}]))",
                 "{{exporter}} {{reason}}")], "short",
               "Accepted events that were lost, by reason."),
         lines("Export requests that fail",
               [(or_zero(per(tries + "_count", "instance", w, RATE, no_error),
                         per(tries + "_count", "instance", w, RATE))
                 + " / " + per(tries + "_count", "instance", w, RATE),
                 "{{instance}}")], "percentunit",
               "The share of export requests that failed; they are repeated.",
               [("transparent", None), ("red", 0.5)]),
         lines("Time of an export request",
               [(quantile(q, tries, "", w, RATE), text)
                for q, text in ((0.5, "half of them"),
                                (0.95, "the slowest twentieth"))], "s",
               "Until the collector's answer, or the failure."),
         lines("Spool",
               [(f"sum by (instance, exporter) "
                 f"({series('openqoe_spool_size_bytes', x)})",
                 "{{instance}} {{exporter}}")], "bytes",
               "Bytes on disk that wait for a collector.")],
        ["What it costs",
         lines("Series",
               [(of(series("openqoe_series_count", w)), "{{instance}}")],
               "short", "Live metric series (openqoe_series_max)."),
         lines("Values of dimensions",
               [(f"topk(10, max by (dimension) "
                 f"({series('openqoe_dimension_cardinality', w)}))",
                 "{{dimension}}")], "short",
               "Distinct values of the ten dimensions with most of them."),
         lines("Values that were not admitted",
               [(per("openqoe_dimension_overflow_total", "dimension", w,
                     RATE), "{{dimension}}"),
                (per("openqoe_series_overflow_total", "", w, RATE),
                 "no room for a series")], "short",
               "Values that became \"other\", by dimension, and values of "
               "metrics that found no room for a series."),
         lines("Memory of the workers",
               [(of(series("worker_heap_allocation_byte", w)),
                 "{{instance}}")], "bytes",
               "Bytes in use on the heap, all workers of an edge.", width=12),
         lines("Telemetry a second",
               [(per("otel_sdk_exporter_log_exported_total", "", w, RATE,
                     how="rate"), "log records"),
                (per("otel_sdk_exporter_metric_data_point_exported_total", "",
                     w, RATE, how="rate"), "metric points")], "short",
               "Log records and metric points whose export is over, "
               "successful or not.", width=12)])


DASHBOARDS = {"overview": overview, "delivery": delivery, "titles": titles,
              "view": one_view, "module": module}


def main():
    here = pathlib.Path(__file__).resolve().parent
    args = argparse.ArgumentParser(description="Makes the dashboards.")
    args.add_argument("--check", action="store_true",
                      help="compare the files, and write none")
    args.add_argument("--dir", type=pathlib.Path, default=here,
                      help="where the files are")
    args = args.parse_args()
    stale = []

    for name, make in DASHBOARDS.items():
        text = json.dumps(numbered(make().build()), cls=JSONEncoder, indent=1,
                          ensure_ascii=False) + "\n"
        path = args.dir / f"{name}.json"
        if not args.check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)

    if stale:
        sys.exit("not what build.py makes: " + ", ".join(stale)
                 + "; run deploy/grafana/build.sh")


if __name__ == "__main__":
    main()
