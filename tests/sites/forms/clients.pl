# LWP of Perl: posts a form with a file to URL/lwp. Arguments: URL, file. Writes {client:
# status}.
use strict;
use warnings;
use HTTP::Request::Common;
use LWP::UserAgent;

my ($url, $path) = @ARGV;
my @form = (
    title => 'Een meer & bomen', 'tags[]' => 'a', 'tags[]' => 'b', "na\xc3\xafve \"x\"" => "\xc3\xa9", empty => '',
    photo => [$path, "lake n\xc3\xa4ve \"q\".jpg", 'Content-Type' => 'image/jpeg', 'X-More' => 'y'],
);
my $answer = LWP::UserAgent->new->request(POST "$url/lwp", Content_Type => 'form-data', Content => \@form);
printf '{"lwp": %d}', $answer->code;
