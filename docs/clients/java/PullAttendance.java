// An HR system as small as one can be: pulls who was first in and last out into a CSV file, complete, in order, with
// corrections; goes on where it stopped, and waits when it is asked to. See README.md.

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.util.Durations;
import com.google.protobuf.util.Timestamps;
import com.google.rpc.RetryInfo;
import io.grpc.CallCredentials;
import io.grpc.Channel;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import io.grpc.protobuf.StatusProto;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import qinlian.v1.Attendance.ListPresenceSinceRequest;
import qinlian.v1.Attendance.ListPresenceSinceResponse;
import qinlian.v1.Attendance.Presence;
import qinlian.v1.AttendanceServiceGrpc;
import qinlian.v1.Common.Date;

final class PullAttendance {
    static final String HEADER = "seq,person_id,work_date,first_in,last_out,trust,revision,erased\n";
    /** So often is a page asked for before the pull gives up; it goes on there the next time. */
    static final int TRIES = 5;
    static final long DEADLINE_S = 30;
    static final long WAIT_MS = 2_000;

    final Channel channel;
    final CallCredentials token;
    final String centre;
    final Path rows;
    final Path cursorFile;

    PullAttendance(Channel channel, CallCredentials token, String centre, Path rows) {
        this.channel = channel;
        this.token = token;
        this.centre = centre;
        this.rows = rows;
        this.cursorFile = rows.resolveSibling(rows.getFileName() + ".cursor");
    }

    public static void main(String[] words) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < words.length; i += 2) {
            options.put(words[i], words[i + 1]);
        }
        String[] wanted = {"--server", "--centre", "--token", "--to"};
        for (String option : wanted) {
            if (!options.containsKey(option)) {
                System.err.println("usage: PullAttendance --server HOST:PORT --centre CODE --token FILE --to FILE [--ca FILE]");
                System.exit(2);
            }
        }
        NettyChannelBuilder builder = NettyChannelBuilder.forTarget(options.get("--server"));
        if (options.containsKey("--ca")) {
            builder.sslContext(GrpcSslContexts.forClient().trustManager(new File(options.get("--ca"))).build());
        } else {
            builder.usePlaintext();
        }
        ManagedChannel channel = builder.build();
        try {
            String token = Files.readString(Path.of(options.get("--token"))).trim();
            new PullAttendance(channel, new Bearer(token), options.get("--centre"), Path.of(options.get("--to"))).pull();
        } catch (StatusRuntimeException refused) {
            Status status = refused.getStatus();
            System.err.println(status.getCode() + " " + reason(refused) + ": " + status.getDescription());
            System.exit(1);
        } finally {
            channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
        }
    }

    /** Pulls until nothing newer is there. */
    void pull() throws IOException, InterruptedException {
        long pulled = 0;
        while (true) {
            String cursor = Files.exists(cursorFile) ? Files.readString(cursorFile) : "";
            ListPresenceSinceResponse page;
            try {
                page = ask(cursor);
            } catch (StatusRuntimeException refused) {
                if (!reasonIs(refused, "CURSOR_EXPIRED")) {
                    throw refused;
                }
                // The feed was made anew: what we hold belongs to the one before it.
                Files.deleteIfExists(cursorFile);
                Files.deleteIfExists(rows);
                pulled = 0;
                continue;
            }
            keep(page);
            pulled += page.getItemsCount();
            if (page.getCaughtUp()) {
                System.out.println(pulled + " rows pulled, caught up");
                return;
            }
        }
    }

    ListPresenceSinceResponse ask(String cursor) throws InterruptedException {
        ListPresenceSinceRequest request =
                ListPresenceSinceRequest.newBuilder().setCentre(centre).setCursor(cursor).setLimit(1_000).build();
        for (int tried = 1; ; tried++) {
            try {
                return AttendanceServiceGrpc.newBlockingStub(channel)
                        .withCallCredentials(token)
                        .withDeadlineAfter(DEADLINE_S, TimeUnit.SECONDS)
                        .listPresenceSince(request);
            } catch (StatusRuntimeException refused) {
                if (tried == TRIES || !worthAnotherTry(refused)) {
                    throw refused;
                }
                Thread.sleep(wait(refused, WAIT_MS * tried));
            }
        }
    }

    static boolean worthAnotherTry(StatusRuntimeException refused) {
        switch (refused.getStatus().getCode()) {
            case UNAVAILABLE:
            case ABORTED:
            case CANCELLED:
            case DEADLINE_EXCEEDED:
                return true;
            case RESOURCE_EXHAUSTED:
                return !reasonIs(refused, "TOO_LARGE");
            default:
                return false;
        }
    }

    /** First the rows, then the cursor: whoever stops between the two pulls some rows twice, and never misses one. */
    void keep(ListPresenceSinceResponse page) throws IOException {
        StringBuilder text = new StringBuilder(Files.exists(rows) ? "" : HEADER);
        for (Presence item : page.getItemsList()) {
            text.append(item.getSeq()).append(',')
                    .append(item.getPersonId()).append(',')
                    .append(day(item.getWorkDate())).append(',')
                    .append(time(item.hasFirstIn(), item.getFirstIn())).append(',')
                    .append(time(item.hasLastOut(), item.getLastOut())).append(',')
                    .append(item.getTrust()).append(',')
                    .append(item.getRevision()).append(',')
                    .append(item.getTombstone()).append('\n');
        }
        write(rows, text.toString(), StandardOpenOption.APPEND);
        Path beside = cursorFile.resolveSibling(cursorFile.getFileName() + ".new");
        write(beside, page.getNextCursor(), StandardOpenOption.TRUNCATE_EXISTING);
        Files.move(beside, cursorFile, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    static void write(Path file, String text, StandardOpenOption how) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how)) {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                out.write(bytes);
            }
            out.force(true);
        }
    }

    static String day(Date date) {
        return String.format("%04d-%02d-%02d", date.getYear(), date.getMonth(), date.getDay());
    }

    static String time(boolean known, Timestamp time) {
        return known ? Timestamps.toString(time) : "";
    }

    static boolean reasonIs(StatusRuntimeException refused, String reason) {
        return reason(refused).equals(reason);
    }

    /** The stable reason: the first field of ErrorInfo, which Debian's google.rpc is too old to know. */
    static String reason(StatusRuntimeException refused) {
        return detail(refused, "google.rpc.ErrorInfo").map(value -> {
            try {
                for (ByteString text : UnknownFieldSet.parseFrom(value).getField(1).getLengthDelimitedList()) {
                    return text.toStringUtf8();
                }
            } catch (InvalidProtocolBufferException broken) {
                // As if it said nothing.
            }
            return "-";
        }).orElse("-");
    }

    /** How long the server asks us to wait, in milliseconds. */
    static long wait(StatusRuntimeException refused, long otherwise) {
        return detail(refused, "google.rpc.RetryInfo").map(value -> {
            try {
                return Durations.toMillis(RetryInfo.parseFrom(value).getRetryDelay());
            } catch (InvalidProtocolBufferException broken) {
                return otherwise;
            }
        }).orElse(otherwise);
    }

    /** What the server says beside the code. */
    static Optional<ByteString> detail(StatusRuntimeException refused, String kind) {
        com.google.rpc.Status status = StatusProto.fromThrowable(refused);
        if (status == null) {
            return Optional.empty();
        }
        return status.getDetailsList().stream()
                .filter(any -> any.getTypeUrl().endsWith("/" + kind))
                .map(Any::getValue)
                .findFirst();
    }

    /** The token of every call. */
    static final class Bearer extends CallCredentials {
        static final Metadata.Key<String> AUTHORIZATION =
                Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
        final String token;

        Bearer(String token) {
            this.token = token;
        }

        @Override
        public void applyRequestMetadata(RequestInfo info, Executor executor, MetadataApplier applier) {
            Metadata headers = new Metadata();
            headers.put(AUTHORIZATION, "Bearer " + token);
            applier.apply(headers);
        }

        @Override
        public void thisUsesUnstableApi() {}
    }
}
