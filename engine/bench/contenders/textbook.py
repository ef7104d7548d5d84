"""The network as people write it, of torch's own layers: what the peers train."""

from torch import Tensor, nn

from engine.models.autoencoder import ConvolutionalAutoencoder


class Textbook(nn.Module):
    """``encoder`` 1 x 28 x 28 -> codes, ``decoder`` back: the layers and the weights of a ``model`` of 16 channels."""

    def __init__(self, model: ConvolutionalAutoencoder, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            *_down(1, 16),
            *_down(16, 32),
            *_down(32, 64),
            nn.Flatten(),
            *_hidden(1024, hidden),
            *_hidden(hidden, hidden),
            nn.Linear(hidden, model.latent_dim),
        )
        self.decoder = nn.Sequential(
            *_hidden(model.latent_dim, hidden),
            *_hidden(hidden, hidden),
            *_hidden(hidden, hidden),
            nn.Linear(hidden, 1024, bias=False),
            nn.Unflatten(1, (64, 4, 4)),
            nn.BatchNorm2d(64),
            nn.SiLU(),
            *_up(64, 32, output_padding=0),
            *_up(32, 16, output_padding=1),
            nn.ConvTranspose2d(16, 1, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )
        weights = zip(self.state_dict(), model.state_dict().values(), strict=True)
        self.load_state_dict(dict(weights))

    def forward(self, images: Tensor) -> Tensor:
        made: Tensor = self.decoder(self.encoder(images))
        return made


def _down(num_in: int, num_out: int) -> list[nn.Module]:
    return [nn.Conv2d(num_in, num_out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(num_out), nn.SiLU()]


def _up(num_in: int, num_out: int, output_padding: int) -> list[nn.Module]:
    convolution = nn.ConvTranspose2d(num_in, num_out, 3, stride=2, padding=1, output_padding=output_padding, bias=False)
    return [convolution, nn.BatchNorm2d(num_out), nn.SiLU()]


def _hidden(num_in: int, num_out: int) -> list[nn.Module]:
    return [nn.Linear(num_in, num_out, bias=False), nn.BatchNorm1d(num_out), nn.SiLU()]
