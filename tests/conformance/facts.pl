# facts.pl PID: all that a process has from those who started it, as one line each; inodes are masked.
use strict;
use warnings;

my $pid = shift;

sub content {
    my ($file, $of) = @_;
    open my $in, '<', '/proc/' . ($of // $pid) . "/$file" or return '';
    local $/;
    return <$in> // '';
}

# Words that end in NUL, in their order, each visible whatever is in it.
sub words { return map { s/([\\\n])/sprintf '\\x%02x', ord $1/ger } split /\0/, shift, -1 }

# The part of stat behind the name: [0] is the state, [1] the parent, [2] the group, [3] the session, [4] the terminal.
sub stat_of { return split ' ', content('stat', shift) =~ s/^.*\) //sr }

my @stat = stat_of($pid);
my @parent = stat_of($stat[1]);
my @arguments = words(content('cmdline'));
my @environment = words(content('environ'));
pop @arguments;
pop @environment;
print "argv <$_>\n" for @arguments;
print "environ <$_>\n" for @environment;

my %label;
for my $number (sort { $a <=> $b } map { m,([0-9]+)$, } glob "/proc/$pid/fd/*") {
    my $target = readlink "/proc/$pid/fd/$number";
    if ($target =~ s/:\[([0-9]+)\]$//) {
        my $next = chr(ord('A') + keys %label);
        $target .= ' ' . ($label{$1} //= $next);
    }
    my $info = content("fdinfo/$number");
    my $flags = $info =~ /^flags:\s*([0-7]+)/m ? oct $1 : 0;
    my @flags = ((qw(read write read-write none))[$flags & 3]);
    my %names = (02000 => 'append', 04000 => 'nonblocking', 02000000 => 'close-on-exec');
    push @flags, map { $names{$_} } grep { $flags & $_ } sort { $a <=> $b } keys %names;
    push @flags, map { lc } $info =~ /^lock:\s*\S+\s+(\S+\s+\S+\s+\S+)/mg;
    print "descriptor $number: $target: @flags\n";
}

for (split /\n/, content('status')) {
    print "$1 $2\n" if /^(SigBlk|SigIgn|SigCgt|ShdPnd|Umask|Uid|Gid|Groups|NoNewPrivs|Cap\w+):\s*(.*)/;
}
for (['group', 2], ['session', 3]) {
    my ($what, $field) = @$_;
    my $whose = $stat[$field] == $pid ? 'its own' : $stat[$field] == $parent[$field] ? 'that of its parent' : 'another';
    print "$what: $whose\n";
}
print "terminal: $stat[4]\n", "nice: $stat[16]\n", "policy: $stat[38]\n";
print 'directory: ', readlink("/proc/$pid/cwd"), "\n", 'root: ', readlink("/proc/$pid/root"), "\n";
print "$_: ", content($_) =~ s/\n//r, "\n" for qw(oom_score_adj timerslack_ns personality);
for (split /\n/, content('limits')) {
    print "limit $1: $2 $3\n" if /^Max (.*?)\s{2,}(\S+)\s+(\S+)/;
}
