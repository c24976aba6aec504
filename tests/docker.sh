#!/bin/bash
# A Docker daemon for tests, beside any that already runs here, and images with PostgreSQL made from Debian's packages.
#
#   eval "$(tests/docker.sh up DIR)"   starts dockerd and containerd with all that is theirs below DIR, makes the images and
#                                      names them: BPG_TEST_DOCKER_HOST, BPG_TEST_DOCKER_DIR, BPG_TEST_DOCKER_NETWORK,
#                                      BPG_TEST_IMAGE_PLAIN (no entrypoint), BPG_TEST_IMAGE_OFFICIAL (the official image's
#                                      contract), BPG_TEST_IMAGE_UID70 (accounts as in Alpine), BPG_TEST_IMAGE_EMPTY (no server)
#   tests/docker.sh stop DIR           stops the daemon
#   tests/docker.sh start DIR          starts it again
#   tests/docker.sh restart DIR        both, as 'systemctl restart docker' does
#   tests/docker.sh kill DIR           kills dockerd and containerd; their containers live on
#   tests/docker.sh crash DIR          the same, and starts them again
#   tests/docker.sh reboot DIR         kills all of it at once, containers too, and starts it again
#   tests/docker.sh down DIR           removes containers, images, network and daemon
#
# What cannot be made here is said on stderr and left out; its tests are then skipped.
set -u
engine=docker
here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
# shellcheck source=tests/lib/engine.sh
source "$here/lib/engine.sh"

docker_cli() { docker --host "unix://$dir/docker.sock" "$@"; }

# A name for what the kernel knows by name alone, as long as an interface may have it.
short_name() { printf 'bpg%08x' "$(cksum <<<"$dir" | cut -d ' ' -f 1)"; }

start_containerd() {
  alive containerd && return
  # Kubernetes' part of it is not needed, and takes a port.
  echo 'disabled_plugins = ["io.containerd.grpc.v1.cri"]' >"$dir/containerd.toml"
  setsid containerd --config "$dir/containerd.toml" --root "$dir/containerd" --state "$dir/run/containerd" \
    --address "$dir/containerd.sock" </dev/null >>"$dir/containerd.log" 2>&1 9>&- &
  echo $! >"$dir/containerd.pid"
  wait_until test -S "$dir/containerd.sock"
}

# Neither rules of iptables nor a bridge of its own: ports are published by docker-proxy, on a network that `up` makes.
start_dockerd() {
  rm -f "$dir/docker.sock"
  setsid dockerd --config-file "$dir/daemon.json" --containerd "$dir/containerd.sock" --data-root "$dir/data" \
    --exec-root "$dir/run/docker" --host "unix://$dir/docker.sock" --pidfile "$dir/docker-own.pid" \
    --bridge none --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false \
    --storage-driver "$1" </dev/null >>"$dir/dockerd.log" 2>&1 9>&- &
  echo $! >"$dir/dockerd.pid"
  for _ in $(seq 300); do
    docker_cli version >/dev/null 2>&1 && return
    alive dockerd || return 1
    sleep 0.1
  done
  return 1
}

start_daemon() {
  start_containerd || { say "containerd did not start: $(tail -n 1 "$dir/containerd.log")"; return 1; }
  local driver
  for driver in $(cat "$dir/storage-driver" 2>/dev/null || echo overlay2 vfs); do
    if start_dockerd "$driver"; then
      echo "$driver" >"$dir/storage-driver"
      return
    fi
    end dockerd TERM
  done
  say "dockerd did not start: $(grep -v 'level=\(info\|warning\)' "$dir/dockerd.log" | tail -n 1)"
  return 1
}

# end NAME SIGNAL: ends dockerd or containerd and waits until it is gone.
end() {
  alive "$1" || return 0
  kill -s "$2" "$(cat "$dir/$1.pid")"
  for _ in $(seq 1200); do
    alive "$1" || return 0
    sleep 0.05
  done
  say "$1 ($(cat "$dir/$1.pid")) did not end"
  return 1
}

stop_daemon() { end dockerd TERM && end containerd TERM; }

# The processes that hold containers: they know containerd by its socket.
shims() {
  local process
  for process in /proc/[0-9]*; do
    if tr '\0' ' ' 2>/dev/null <"$process/cmdline" | grep -q -- "containerd-shim.* -address $dir/containerd.sock "; then
      echo "${process#/proc/}"
    fi
  done 2>/dev/null
}

# Power off and on: nobody has time to write anything.
kill_all() {
  end dockerd KILL
  end containerd KILL
  local shim
  for shim in $(shims); do
    # The first process of a container takes the others along.
    # shellcheck disable=SC2046 # process numbers
    kill -KILL $(cat "/proc/$shim/task/$shim/children" 2>/dev/null) "$shim" 2>/dev/null
  done
  unmount_all
}

has_image() { docker_cli image inspect "$1" >/dev/null 2>&1; }

# derive NAME CHANGE... -- COMMAND: a container of the plain image, in which the command is run, becomes the image NAME.
derive() {
  local name=$1 changes=() container
  shift
  while [ "$1" != -- ]; do
    changes+=(--change "$1")
    shift
  done
  shift
  has_image "betterpg-test:$name" && return
  container=$(docker_cli create --network none -i --entrypoint /bin/sh "$plain_image" -euc "$1") &&
    docker_cli start -ai "$container" >&2 &&
    docker_cli commit "${changes[@]}" "$container" "betterpg-test:$name" >/dev/null &&
    docker_cli rm "$container" >/dev/null
}

make_images() {
  make_root || return
  if ! has_image "$plain_image"; then
    docker_cli import "${plain_image_changes[@]}" "$image_root" "$plain_image" >/dev/null || return
  fi
  # shellcheck disable=SC2016 # the container's shell expands it
  derive official 'ENTRYPOINT ["docker-entrypoint.sh"]' 'CMD ["postgres"]' 'ENV PGDATA=/var/lib/postgresql/data' \
    'VOLUME /var/lib/postgresql/data' -- '
      mkdir -p /docker-entrypoint-initdb.d /var/lib/postgresql/data
      chown postgres:postgres /var/lib/postgresql/data /docker-entrypoint-initdb.d
      install -d -o postgres -g postgres -m 3777 /var/run/postgresql
      cat >/usr/local/bin/docker-entrypoint.sh
      chmod 0755 /usr/local/bin/docker-entrypoint.sh
      echo "CREATE TABLE made_by_sql AS SELECT 42 AS answer;" >/docker-entrypoint-initdb.d/10-table.sql
      printf "%s\n" "#!/bin/sh" "psql -XqU \"\$POSTGRES_USER\" -c \"CREATE TABLE made_by_script (id int)\" \"\$POSTGRES_DB\"" \
        >/docker-entrypoint-initdb.d/20-script.sh
      chmod 0755 /docker-entrypoint-initdb.d/20-script.sh' <"$here/images/docker-entrypoint.sh" || return
  derive uid70 'USER root' -- '
      find / -xdev \( -user postgres -o -group postgres \) -print0 >/tmp/owned
      groupmod --gid 70 postgres
      usermod --uid 70 postgres
      xargs -0 chown -h postgres:postgres </tmp/owned
      rm /tmp/owned' </dev/null || return
  derive empty 'USER root' -- 'rm -rf /usr/lib/postgresql' </dev/null
}

up() {
  can_start dockerd containerd docker debootstrap || return 0
  mkdir -p "$dir"
  chmod 0711 "$dir"
  echo '{}' >"$dir/daemon.json"
  if ! alive dockerd && ! start_daemon || ! make_images ||
    ! { docker_cli network inspect bpgtest >/dev/null 2>&1 ||
      docker_cli network create -o "com.docker.network.bridge.name=$(short_name)" bpgtest >/dev/null; }; then
    say "no Docker here"
    down
    return
  fi
  cat <<END
export BPG_TEST_DOCKER_HOST=unix://$dir/docker.sock
export BPG_TEST_DOCKER_DIR=$dir
export BPG_TEST_DOCKER_NETWORK=bpgtest
export BPG_TEST_IMAGE_PLAIN=$plain_image
export BPG_TEST_IMAGE_OFFICIAL=betterpg-test:official
export BPG_TEST_IMAGE_UID70=betterpg-test:uid70
export BPG_TEST_IMAGE_EMPTY=betterpg-test:empty
END
}

down() {
  [ -d "$dir" ] || return 0
  local containers
  if alive dockerd; then
    containers=$(docker_cli ps --all --quiet)
    # shellcheck disable=SC2086 # ids
    [ -z "$containers" ] || docker_cli rm --force --volumes $containers >/dev/null
    docker_cli network rm bpgtest >/dev/null 2>&1
  fi
  stop_daemon || return 1
  kill_all
  ip link delete "$(short_name)" 2>/dev/null
  rm -rf --one-file-system "$dir"
  [ ! -e "$dir" ] || { say "$dir could not be removed"; return 1; }
}

if [ $# -ne 2 ]; then
  echo "usage: $0 up|stop|start|kill|restart|crash|reboot|down DIR" >&2
  exit 2
fi
dir=$(realpath -m "$2")
case $1 in
  up) up ;;
  stop) stop_daemon ;;
  start) start_daemon ;;
  restart) stop_daemon && start_daemon ;;
  kill) end dockerd KILL && end containerd KILL ;;
  crash) end dockerd KILL && end containerd KILL && start_daemon ;;
  reboot) kill_all && start_daemon ;;
  down) down ;;
  *) echo "usage: $0 up|stop|start|kill|restart|crash|reboot|down DIR" >&2; exit 2 ;;
esac
