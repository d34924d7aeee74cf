#!/bin/sh
#
# run.sh JARS DIRECTORY PORT CONTROLLER_PORT: a Kafka of one node (KRaft), which
# keeps its data in DIRECTORY.

set -eu

jars=$1 dir=$2 port=$3 controller=$4

if [ ! -e "$dir/server.properties" ]; then
    mkdir -p "$dir"
    cat > "$dir/server.properties" <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$dir/data
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
EOF
    cat > "$dir/log4j2.properties" <<'EOF'
rootLogger.level=INFO
rootLogger.appenderRef.c.ref=c
appender.c.type=Console
appender.c.name=c
appender.c.layout.type=PatternLayout
appender.c.layout.pattern=%d %p %m%n
EOF
    java -Xmx128m -cp "$jars/*" kafka.tools.StorageTool format \
        --config "$dir/server.properties" \
        --cluster-id 4L6g3nShT-eMCtK--X86sw >"$dir/format.log" 2>&1
fi

exec java -Xmx256m -Xms64m -XX:+UseSerialGC -cp "$jars/*" \
    -Dlog4j2.configurationFile="file:$dir/log4j2.properties" \
    kafka.Kafka "$dir/server.properties" 2>&1
