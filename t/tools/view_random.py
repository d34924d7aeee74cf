#!/usr/bin/env python3
"""Random sessions of plausible players: what their adapters post, and what
really happened.

A player is simulated, not its events: its position moves only while it plays,
and everything that is posted is read off it at that moment.  What the events
cannot say is not in the truth.  Times are ms from the opening of the page.
"""
import json
import random


class Play:
    """One play of one video: a view, with what is true of it."""

    def __init__(self, player, video):
        self.player, self.video = player, video
        self.started = False
        self.playing = self.pauses = 0
        self.startup = None
        self.stalls = []
        self.outcome = None


class Player:
    """A player on the page, with the habits of its adapter."""

    def __init__(self, rng, view_id, t):
        self.rng, self.view_id, self.t = rng, view_id, t
        self.events = []            # (at, event)
        self.plays = []
        self.position = 0.0
        self.played = 0.0           # as the adapter counts it
        self.has_position = self.has_played = True
        kind = rng.random()
        if kind < 0.15:
            self.has_played = False
        elif kind < 0.3:
            self.has_position = False
        elif kind < 0.4:
            self.has_position = self.has_played = False
        self.beat = rng.choice((10000, 10000, 10000, 5000, 15000))
        self.next_beat = None
        self.tells_stall = rng.random() < 0.5   # stallend has a length
        self.ends_stall = rng.choice(('stallend', 'stallend', 'stallend',
                                      'playing', 'nothing'))
        if not (self.has_position or self.has_played) \
                and self.ends_stall == 'nothing':
            self.ends_stall = 'stallend'    # or its stall has no end at all
        self.wish_first = rng.random() < 0.75   # playing says the wish
        self.sure = True            # the events say all of the truth
        self.replay = False
        self.heard = None           # when the view was first heard of
        self.ready = None           # playerready: its time and start-up time

    # ---- what is posted

    def post(self, kind, at=None, told=None, bare=False):
        data = dict(told or {})
        event = dict(event_type=kind, view_id=self.view_id,
                     video=dict(id=self.plays[-1].video))
        if self.has_position and not bare:
            event['playback_time'] = round(self.position, 3)
        if self.has_played and kind in ('heartbeat', 'quartile', 'pause',
                                        'ended'):
            data['playing_time'] = round(self.played, 3)
        event['data'] = data
        at = int(self.t if at is None else at)
        if self.heard is None:
            self.heard = at
        self.events.append((at, event))

    # ---- time goes by

    def advance(self, ms, moving):
        """Beats fall due meanwhile; the position moves if it plays."""
        end = self.t + ms
        while self.next_beat is not None and self.next_beat <= end:
            self.step(self.next_beat - self.t, moving)
            self.post('heartbeat', told=dict(bitrate=1200000))
            self.next_beat += self.beat
        self.step(end - self.t, moving)

    def step(self, ms, moving):
        self.t += ms
        if moving:
            self.position += ms
            self.played += ms
            self.plays[-1].playing += ms

    def gap(self, low, high):
        self.t += self.rng.randint(low, high)

    # ---- the begin

    def load(self, video):
        last = self.plays[-1] if self.plays else None
        self.replay = last is not None and last.video == video
        if self.replay and not self.has_position:
            self.sure = False       # its playing_time may count on, or anew
        if last is not None and (
                self.replay if last.outcome == 'played'
                else last.outcome != 'completed'):
            self.sure = False       # the view goes on, maybe
        if last is not None and last.outcome == 'played' \
                and self.events[-1][1]['event_type'] != 'playbackdetached':
            self.sure = False       # until when did it play?
        self.plays.append(Play(self, video))
        self.position = self.played = 0.0
        self.next_beat = self.heard = self.ready = None
        rng = self.rng
        if rng.random() < 0.7:
            self.post('manifestload', bare=True,
                      told=dict(page_load_time=rng.randint(100, 900)))
            self.gap(1, 300)
        if rng.random() < 0.7:
            told = rng.randint(50, 1500)
            self.ready = (self.t, told)
            self.post('playerready', bare=True,
                      told=dict(player_startup_time=told))
            self.gap(1, 200)
        if self.replay:             # nothing but playing begins a view again
            self.heard = self.ready = None

    def start(self):
        """False: it never got a frame, and the play is over."""
        rng, play = self.rng, self.plays[-1]
        kind = rng.random()
        if kind < 0.08:
            self.never()
            return False
        if kind < 0.16 and self.has_played and len(self.plays) == 1:
            self.first_batch_lost()
            return True
        if self.wish_first:
            self.wish_and_frame()
        else:
            self.frame_at_once()
        play.started = True
        self.next_beat = self.t + self.beat
        return True

    def never(self):
        play = self.plays[-1]
        self.post('playing')
        self.post('stallstart', at=self.t + self.rng.randint(0, 30))
        self.gap(1000, 20000)
        play.outcome = 'exit_before_start'
        if self.rng.random() < 0.5:
            self.post('error', told=dict(error_family='network'))
            self.gap(10, 3000)
            play.outcome = 'startup_failure'
        self.post(self.rng.choice(('playbackdetached', 'moveaway')))

    def first_batch_lost(self):
        """What was posted until now never came; it plays already."""
        play = self.plays[-1]
        self.events = [e for e in self.events
                       if e[1]['video']['id'] != play.video]
        play.started = True
        self.advance(5000, True)
        self.post('heartbeat')
        self.next_beat = self.t + self.beat
        play.playing = 0            # counts from what was heard first

    def wish_and_frame(self):
        rng, play = self.rng, self.plays[-1]
        wish = self.t
        self.post('playing', told=dict(bitrate=None))
        self.post('stallstart', at=wish + rng.randint(-40 if self.t > 100
                                                      else 0, 40))
        self.t += rng.randint(300, 6000)
        play.startup = self.t - wish
        if rng.random() < 0.5:
            self.post('canplay', at=self.t - rng.randint(0, 3), bare=True,
                      told=dict(video_startup_time=play.startup + 77))
        self.post('stallend', told=dict(stall_duration=play.startup))

    def frame_at_once(self):
        """dash.js: canplay shortly before, or long before a click."""
        rng, play = self.rng, self.plays[-1]
        if self.replay:
            play.startup = None     # a click, or by itself?
        elif rng.random() < 0.5:
            play.startup = self.canplay()
            self.gap(5, 200)
        else:
            if rng.random() < 0.5:
                self.canplay()
            self.gap(1500, 9000)
            play.startup = 0 if self.heard is not None \
                and self.t - self.heard > 1100 else None
        self.post('playing')

    def canplay(self):
        """Reports the startup from the page on, with the player's in it."""
        rng = self.rng
        startup = rng.randint(300, 4000)
        told = startup
        if self.ready is not None:
            startup = int(self.t - self.ready[0]) + rng.randint(0, 100)
            told = startup + self.ready[1]
        self.post('canplay', bare=True, told=dict(video_startup_time=told))
        return startup

    # ---- what happens while it plays

    def play(self, low=2500, high=40000):
        self.advance(self.rng.randint(low, high), True)

    def stall(self):
        rng, play = self.rng, self.plays[-1]
        self.post('stallstart', told=dict(bitrate=1200000))
        if rng.random() < 0.1:
            self.post('stallstart', at=self.t + 200)
        length = rng.randint(600, 20000)
        self.advance(length, False)
        play.stalls.append(length)
        if self.ends_stall == 'nothing':
            self.play(12000, 30000)
            return
        told = dict(stall_duration=length) if self.tells_stall else None
        if self.ends_stall == 'stallend':
            self.post('stallend', told=told)
        else:
            self.post('playing')
        self.play()

    def short_wait(self):
        self.post('stallstart')
        self.advance(self.rng.randint(10, 200), False)
        self.post('stallend')
        self.play()

    def seek(self):
        rng = self.rng
        latency = rng.randint(20, 3000)
        # The video begins far from 0: a leap must not look like playing.
        self.position = float((int(self.position / 1000) + rng.choice(
            (1, 1, 2)) * rng.randint(500, 3000)) % 7200 * 1000)
        waits = rng.random() < 0.6
        if waits:
            self.post('stallstart', at=self.t + rng.randint(0, 5))
        if not self.has_played and self.next_beat is not None:
            # A leap within a beat proves nothing about what came before it.
            self.next_beat = max(self.next_beat, self.t + latency + 1000)
        self.advance(latency, False)
        self.post('seek', told=dict(seek_latency=latency))
        if waits:
            self.post('stallend', at=self.t + rng.randint(0, 3))
        if rng.random() < 0.3:
            self.post('canplay', at=self.t + rng.randint(0, 3), bare=True,
                      told=dict(video_startup_time=int(self.t)))
        self.t += 3
        self.play()

    def pause(self):
        play = self.plays[-1]
        self.post('pause')
        play.pauses += 1
        self.next_beat = None
        self.gap(1500, 200000)
        told = dict(video_startup_time=int(self.t)) \
            if self.rng.random() < 0.3 else None
        self.post('playing', told=told)
        self.next_beat = self.t + self.beat
        self.play()

    def error(self):
        self.post('error', told=dict(error_family='network'))
        self.play()

    def recovered(self):
        """A fatal error that the player gets over."""
        self.post('error', told=dict(error_family='media',
                                     error_context=dict(fatal=True)))
        self.next_beat = None
        self.gap(50, 3000)
        self.post('playing')
        self.next_beat = self.t + self.beat
        self.play(21000, 40000)

    def detach(self):
        self.post('playbackdetached')
        self.next_beat = None
        self.gap(50, 8000)
        self.post('playing')
        self.next_beat = self.t + self.beat
        self.play()

    def hide(self):
        """Background timers still beat once a minute, and it plays on."""
        self.post('moveaway')
        beat, self.beat = self.beat, max(self.beat, 20000)
        self.play(5000, 100000)
        self.post('moveback')
        self.beat = beat
        self.play()

    def sleep(self):
        """A hole in which nothing is posted and nothing plays."""
        if not (self.has_position or self.has_played):
            return
        self.post('heartbeat')
        self.gap(60000, 400000)
        self.post('heartbeat')
        self.next_beat = self.t + self.beat
        self.play()

    def other(self):
        self.post(self.rng.choice(('bufferlevelchange', 'fragmentloaded',
                                   'bandwidthchange', 'fpsdrop')),
                  bare=self.rng.random() < 0.5)
        self.play()

    def silent(self):
        """Nothing is heard for longer than a view may be silent."""
        if not (self.has_position or self.has_played):
            return
        self.post('heartbeat')
        self.sure = False           # two views, and which event is the first
        self.gap(700000, 1500000)
        self.next_beat = self.t + self.beat
        self.play()

    # ---- the end

    def finish(self):
        rng, play = self.rng, self.plays[-1]
        play.outcome = 'played'
        kind = rng.random()
        self.next_beat = None
        if kind < 0.45:
            play.outcome = 'completed'
            if rng.random() < 0.5:
                self.post('pause', at=self.t + rng.randint(-3, 3))
            self.post('ended')
        elif kind < 0.6:
            self.post('playbackdetached')
        elif kind < 0.75:
            self.post('moveaway')
        elif kind < 0.85:
            self.post('error', told=dict(error_family='media',
                                         error_context=dict(fatal=True)))
            play.outcome = 'playback_failure'
        else:
            self.post('heartbeat')  # and is not heard of again

    def run(self):
        rng = self.rng
        acts = (self.stall, self.stall, self.seek, self.seek, self.pause,
                self.pause, self.short_wait, self.error, self.recovered,
                self.detach, self.hide, self.sleep, self.other, self.other,
                self.silent)
        weights = (4, 4, 4, 4, 4, 4, 2, 2, 1, 1, 2, 1, 3, 3, 0.3)
        for i in range(rng.choice((1, 1, 1, 2, 3))):
            if i == 0 or rng.random() < 0.7:
                self.load('video-%d' % i)
            else:
                self.load(self.plays[-1].video)         # a replay
            if not self.start():
                break
            self.play()
            for act in rng.choices(acts, weights, k=rng.randint(0, 5)):
                act()
            self.finish()
            if self.plays[-1].outcome == 'playback_failure':
                break
            self.gap(1100, 8000)


class Session:
    """The players of a page, in an organisation of its own."""

    def __init__(self, seed):
        self.seed = seed
        rng = random.Random(seed)
        self.org = 'r%08d' % seed
        n = rng.choice((1, 1, 1, 1, 2, 3))
        self.players = [Player(rng, 'v%d' % i, rng.randint(200, 1500)
                               + 1700 * i) for i in range(n)]
        self.events = []
        for p in self.players:
            p.run()
            for at, event in p.events:
                event.update(org_id=self.org, player_id='web',
                             session_id='s', viewer_id='u')
                self.events.append((at, event))
        self.events.sort(key=lambda e: e[0])
        self.sure = all(p.sure for p in self.players)
        self.rng = rng

    def plays(self):
        return [play for p in self.players for play in p.plays]

    def batches(self, rng, most_ms=8000, delay_ms=400, shuffle=True,
                twice=0.1):
        """Cut anywhere, received in order: [(received, [(at, event)])]."""
        batches, batch, received, until = [], [], 0, 0
        for at, event in self.events:
            if batch and (at > until or len(batch) >= 90):
                received = max(received, batch[-1][0] + rng.randint(5,
                                                                    delay_ms))
                batches.append((received, batch))
                batch = []
            if not batch:
                until = at + rng.randint(0, most_ms)
            batch.append((at, event))
        if batch:
            batches.append((max(received, batch[-1][0] + 5), batch))
        result = []
        for received, batch in batches:
            for _ in range(2 if rng.random() < twice else 1):
                batch = list(batch)
                if shuffle:
                    rng.shuffle(batch)
                result.append((received, batch))
        return result


def line(received, batch, start):
    """A line for view_cli; start: Unix ms of the opening of the page."""
    events = [dict(event, event_time=start + at) for at, event in batch]
    return json.dumps(dict(received=start + received, events=events),
                      separators=(',', ':'))
