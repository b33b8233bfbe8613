# Baylight. "make help" lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
CACHE ?= $(CURDIR)/.cache
export CGO_ENABLED = 1
# Programs that are judged commit as the packages do (systemd/package/build).
SQLITE = CGO_CFLAGS="-O2 -g -DHAVE_FDATASYNC=1"

.PHONY: help
help: ## this list
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## the three programs, in bin/
	$(SQLITE) go build -trimpath -o bin/ ./cmd/kioskd ./cmd/backofficed ./cmd/baylight

.PHONY: demo
demo: ## a whole shop on this machine; prints the addresses to open
	go run ./cmd/baylight demo

.PHONY: gallery
gallery: build ## the README's pictures, taken from the running demo; needs chromium and fonts-noto-cjk
	go run ./cmd/internal/gallery -baylight bin/baylight -out kiosk/screen/gallery

.PHONY: test
test: tools format vet lint unit headless ## everything that has to hold before a change lands

.PHONY: tools
tools: # what tests need beyond Go and gcc
	@./.ci/tools

.PHONY: format
format: # gofmt has nothing to change
	@test -z "$$(gofmt -l cmd device firmware-config kiosk sync systemd)" || { gofmt -d cmd device firmware-config kiosk sync systemd; exit 1; }

.PHONY: vet
vet:
	go vet ./...

.PHONY: lint
lint:
	go tool staticcheck ./...

.PHONY: unit
unit: ## unit tests, with the race detector, in random order
	go test -race -shuffle=on -timeout 12m ./...

.PHONY: headless
headless: ## compressed days against the independent judge, and one seed twice
	@./.ci/headless

.PHONY: ci
ci: ## what is too long for "make test": the emulated board, power cuts, crash states, a short soak, a small fleet, a cluster of brokers, a smoke of every fuzz target, known vulnerabilities, packages for other processors and on a real Debian
	@$(MAKE) --no-print-directory board
	@$(MAKE) --no-print-directory powercut CUTS=5
	@$(MAKE) --no-print-directory crash-states N=300
	@$(MAKE) --no-print-directory soak MINUTES=2
	@$(MAKE) --no-print-directory fleet STORES=20
	@$(MAKE) --no-print-directory nats
	@./.ci/fuzz 300x
	@./.ci/vuln
	@$(MAKE) --no-print-directory foreign
	@$(MAKE) --no-print-directory guest

.PHONY: board
board: ## the real kioskd and the device suites on an emulated Raspberry Pi 3 and on USB devices that come and go
	@firmware-config/board/prepare $(CACHE)/board
	@go run ./firmware-config/board -files $(CACHE)/board

.PHONY: powercut
powercut: ## the real kioskd in an emulated machine whose power is cut CUTS times in mid-write
	@firmware-config/board/prepare $(CACHE)/board
	@go run ./firmware-config/board -files $(CACHE)/board -cuts $(CUTS)
CUTS ?= 5

.PHONY: crash-states
crash-states: daemons ## N states that a power cut may leave of the real kioskd's files, and N of a back office's ledger while figures are folded anew, each opened and judged
	@bin/crashstates -bin bin -n $(N)
	@BAYLIGHT_CRASH_STATES=$(N) $(SQLITE) go test ./cmd/internal/crashstates/rebuild -count=1 -timeout 60m -v
N ?= 300

.PHONY: soak
soak: tools daemons ## MINUTES of a store whose programs are killed at random, every two seconds or so
	@bin/soak -bin bin -minutes $(MINUTES)
MINUTES ?= 30

.PHONY: daemons
daemons: # and one that does not wait for the disk, which the judges must find out
	@$(SQLITE) go build -trimpath -o bin/ ./cmd/kioskd ./cmd/backofficed ./cmd/internal/crashstates ./cmd/internal/soak
	@$(SQLITE) go build -trimpath -tags unsafe_calibration -o bin/kioskd-unsafe ./cmd/kioskd

.PHONY: fuzz
fuzz: ## every fuzz target for T each, e.g. make fuzz T=60s
	@./.ci/fuzz $(T)
T ?= 20s

.PHONY: bench-journal
bench-journal: ## a burst on this disk and on media that take longer to sync, and a start with a year of events
	d=$$(mktemp -d) && trap 'rm -rf '$$d EXIT && cc -shared -fPIC -o $$d/slowsync.so kiosk/journal/testdata/slowsync.c -ldl && \
	for p in journal station; do go test -c -o $$d/$$p.test ./kiosk/$$p && for us in 0 100 1000 5000; do echo "$$p: each sync takes $$us µs longer" && \
	SLOWSYNC_US=$$us LD_PRELOAD=$$d/slowsync.so $$d/$$p.test -test.run '^$$' -test.bench Burst -test.benchtime 3x || exit 1; done; done
	go test ./kiosk/station -run '^$$' -bench Start -benchtime 3x -timeout 30m

.PHONY: bench-history
bench-history: ## figures out of ten million events in SQLite and PG_EVENTS in PostgreSQL, each beside a hundred thousand (some 12 GB under TMPDIR, up to an hour)
	BAYLIGHT_HISTORY_EVENTS=10000000 go test ./sync/backoffice/figures -run '^$$' -bench History -benchtime 1x -timeout 3h
	BAYLIGHT_HISTORY_EVENTS=$(PG_EVENTS) go test ./sync/backoffice/ledger/pgledger -run '^$$' -bench History -benchtime 1x -timeout 3h
PG_EVENTS ?= 10000000

.PHONY: bench
bench: ## the figures of README and the DESIGN.md files
	go test -run '^$$' -bench . -benchtime 2s ./kiosk/... ./sync/... ./cmd/...

.PHONY: sim
sim: ## a store in simulated time with everything going wrong: SEEDS runs, each with invariants checked throughout
	go run ./cmd/internal/sim/run -seeds $(SEEDS)
SEEDS ?= 10000

.PHONY: soak-scanners
soak-scanners: ## 32 scanners at 10 codes a second for ten minutes
	BAYLIGHT_SOAK=10m go test ./device/scanner -run ThirtyTwo -timeout 15m -v

.PHONY: kiosks
kiosks: ## 2,000 boards find their broker again after an outage, with the real pauses (some minutes)
	BAYLIGHT_KIOSKS=2000 go test ./cmd/internal/officeapp -run KiosksReconnect -timeout 20m -v

.PHONY: fleet
fleet: tools ## STORES stores with two boards each, two back offices on one PostgreSQL; one of them is killed in the middle, then PostgreSQL (some minutes)
	BAYLIGHT_FLEET=$(STORES) go test ./cmd/internal/officeapp -run Fleet -count=1 -timeout 30m -v
STORES ?= 500

.PHONY: nats
nats: tools ## boards and three back offices on one PostgreSQL and a cluster of three NATS servers, of which one after the other is killed
	BAYLIGHT_NATS=1 go test ./cmd/internal/officeapp -run NATS -count=1 -timeout 10m -v

.PHONY: backlog
backlog: ## a board drains a million events; its memory is looked at (some minutes)
	BAYLIGHT_BACKLOG=1000000 go test ./cmd/internal/kioskapp -run Backlog -timeout 20m -v

.PHONY: deb
deb: ## Debian packages for amd64, arm64, armhf and armel (ARMv6), in bin/deb/
	systemd/package/build bin/deb

.PHONY: foreign
foreign: deb ## the packages for arm64, armhf and armel: built again to the same bytes, and at work under user-mode emulation
	@command -v qemu-arm-static >/dev/null || { apt-get update && apt-get install -y --no-install-recommends qemu-user-static; } >/tmp/baylight-foreign.log 2>&1 || \
	{ tail -n 5 /tmp/baylight-foreign.log; echo "qemu-user-static is missing: apt-get install -y qemu-user-static"; exit 1; }
	@systemd/package/same bin/deb arm64 armhf armel
	@go run ./cmd/internal/foreign -debs bin/deb arm64 armhf armel

.PHONY: release
release: ## signed packages of the version tag that is checked out, in bin/release/; BAYLIGHT_MINISIGN_KEY names the key
	systemd/package/release bin/release

.PHONY: vuln
vuln: ## the programs against the Go vulnerability database, or a copy where it cannot be reached
	@./.ci/vuln

.PHONY: guest
guest: ## the packages on a real Debian with systemd and Mosquitto: set up, enrolled, revoked, hung, cut, upgraded, restored, removed (needs root); GUEST=arm64 for a board, OLD=REVISION for what is upgraded
	@systemd/guest/prepare $(CACHE)/guest-$(GUEST) $(GUEST)
	@go run ./systemd/guest -files $(CACHE)/guest-$(GUEST) -arch $(GUEST) -old "$(OLD)"
OLD ?=
GUEST ?= amd64

.PHONY: clean
clean: ## remove what was built
	rm -rf bin .cache
