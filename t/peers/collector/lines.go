package main

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/client"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// linesConfig configures the lines exporter.
type linesConfig struct {
	// Path is the file that gets one line of OTLP JSON a request.
	Path string `mapstructure:"path"`

	// Metadata is a file for the request headers that the receiver kept
	// (include_metadata), one "name: value" a line; empty for none.
	Metadata string `mapstructure:"metadata"`
}

func (cfg *linesConfig) Validate() error {
	if cfg.Path == "" {
		return errors.New("lines: path is missing")
	}

	return nil
}

// lines writes a line for each request, before the receiver answers it: what
// the client believes to be accepted is in the file.
type lines struct {
	cfg  *linesConfig
	mu   sync.Mutex
	file *os.File
	meta *os.File
}

func openAppend(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

func (l *lines) start(context.Context, component.Host) (err error) {
	if l.file, err = openAppend(l.cfg.Path); err != nil {
		return err
	}

	if l.cfg.Metadata != "" {
		l.meta, err = openAppend(l.cfg.Metadata)
	}

	return err
}

func (l *lines) stop(context.Context) error {
	if l.meta != nil {
		l.meta.Close()
	}

	if l.file != nil {
		return l.file.Close()
	}

	return nil
}

func (l *lines) write(ctx context.Context, line []byte, err error) error {
	if err != nil {
		return err
	}

	l.mu.Lock()
	defer l.mu.Unlock()

	if l.meta != nil {
		var b strings.Builder

		md := client.FromContext(ctx).Metadata
		for key := range md.Keys() {
			for _, v := range md.Get(key) {
				b.WriteString(http.CanonicalHeaderKey(key) + ": " + v + "\n")
			}
		}

		if _, err := l.meta.WriteString(b.String()); err != nil {
			return err
		}
	}

	_, err = l.file.Write(append(line, '\n'))

	return err
}

func newLinesConfig() component.Config {
	return &linesConfig{}
}

type logsExporter struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Logs
}

type metricsExporter struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Metrics
}

type tracesExporter struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Traces
}

func newLogs(_ context.Context, _ exporter.Settings,
	cfg component.Config) (exporter.Logs, error) {
	l := &lines{cfg: cfg.(*linesConfig)}
	m := plog.JSONMarshaler{}

	c, err := consumer.NewLogs(
		func(ctx context.Context, ld plog.Logs) error {
			line, err := m.MarshalLogs(ld)
			return l.write(ctx, line, err)
		})

	return logsExporter{l.start, l.stop, c}, err
}

func newMetrics(_ context.Context, _ exporter.Settings,
	cfg component.Config) (exporter.Metrics, error) {
	l := &lines{cfg: cfg.(*linesConfig)}
	m := pmetric.JSONMarshaler{}

	c, err := consumer.NewMetrics(
		func(ctx context.Context, md pmetric.Metrics) error {
			line, err := m.MarshalMetrics(md)
			return l.write(ctx, line, err)
		})

	return metricsExporter{l.start, l.stop, c}, err
}

func newTraces(_ context.Context, _ exporter.Settings,
	cfg component.Config) (exporter.Traces, error) {
	l := &lines{cfg: cfg.(*linesConfig)}
	m := ptrace.JSONMarshaler{}

	c, err := consumer.NewTraces(
		func(ctx context.Context, td ptrace.Traces) error {
			line, err := m.MarshalTraces(td)
			return l.write(ctx, line, err)
		})

	return tracesExporter{l.start, l.stop, c}, err
}

func newLinesFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("lines"), newLinesConfig,
		exporter.WithLogs(newLogs, component.StabilityLevelStable),
		exporter.WithMetrics(newMetrics, component.StabilityLevelStable),
		exporter.WithTraces(newTraces, component.StabilityLevelStable))
}
